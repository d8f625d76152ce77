import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectoryDurable } from '../durable-files.ts';

/** Longer and hosts would miss what a build job just published; dnf's own default is two days. */
const METADATA_EXPIRE_SECONDS = 60;

/** The .repo file of one repository: `dnf config-manager --add-repo <url>` or a copy into /etc/yum.repos.d. */
export function renderRepoFile(publicUrl: string, repository: string): string {
  const id = `rpmyard-${repository.replace('/', '-')}`;
  return renderSection({ id, name: `Rpmyard ${repository}`, baseurl: `${publicUrl}/repo/${repository}/` });
}

/** One .repo file for every host: the client fills in its own releasever and basearch. */
export function renderGeneralRepoFile(publicUrl: string): string {
  return renderSection({
    id: 'rpmyard',
    name: 'Rpmyard $releasever $basearch',
    baseurl: `${publicUrl}/repo/$releasever/$basearch/`,
  });
}

function renderSection(fields: { id: string; name: string; baseurl: string }): string {
  return [
    `[${fields.id}]`,
    `name=${fields.name}`,
    `baseurl=${fields.baseurl}`,
    'enabled=1',
    'gpgcheck=0',
    `metadata_expire=${METADATA_EXPIRE_SECONDS}`,
    '',
  ].join('\n');
}

/** Writes a repository's .repo file beside its directory, as a static file that any web server can serve. */
export async function writeRepoFile(topDir: string, publicUrl: string, repository: string): Promise<void> {
  await writeReplacing(join(topDir, `${repository}.repo`), renderRepoFile(publicUrl, repository));
}

/** Writes the .repo file for every host to the top directory. */
export async function writeGeneralRepoFile(topDir: string, publicUrl: string): Promise<void> {
  await writeReplacing(join(topDir, 'rpmyard.repo'), renderGeneralRepoFile(publicUrl));
}

async function writeReplacing(path: string, text: string): Promise<void> {
  const folder = join(path, '..');
  await makeDirectoryDurable(folder);
  const temporary = join(folder, `.${path.slice(folder.length + 1)}.new`);
  const file = await open(temporary, 'w', 0o644);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
