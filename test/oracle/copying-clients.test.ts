import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { createGpgKeys } from '../support/gpg-keys.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { putPackage } from '../support/send-request.ts';

const REPOSITORY = '9/x86_64';
/** What each publication replaces. */
const REPLACED = ['repodata/repomd.xml', 'repodata/repomd.xml.asc', 'repodata/repomd.xml.key', 'mirrorlist'];
/** As fast as the service publishes: some of them within one second. */
const PUBLICATIONS = 6;

/** Copies what has changed since the last time, in the ways that look at size and second, or at the second alone. */
const COPYING: Readonly<Record<string, (site: Site, directory: string) => Promise<void>>> = {
  rsync: async ({ storageDir }, directory) => {
    await execa('rsync', ['-rt', `${join(storageDir, REPOSITORY)}/`, directory]);
  },
  'wget -N': async ({ baseUrl }, directory) => {
    const urls = REPLACED.map((path) => `${baseUrl}/repo/${REPOSITORY}/${path}`);
    await execa('wget', ['-q', '-N', '-x', '-nH', '--cut-dirs=3', '-P', directory, ...urls]);
  },
  // Without -R the copy has the time at which it was made.
  'curl -z': async ({ baseUrl }, directory) => {
    for (const path of REPLACED)
      await curlChanged(`${baseUrl}/repo/${REPOSITORY}/${path}`, join(directory, path));
  },
  'curl -R -z': async ({ baseUrl }, directory) => {
    for (const path of REPLACED) {
      await curlChanged(`${baseUrl}/repo/${REPOSITORY}/${path}`, join(directory, path), '-R');
    }
  },
};

async function curlChanged(url: string, copy: string, ...options: readonly string[]): Promise<void> {
  await execa('curl', ['-sf', '--create-dirs', ...options, '-z', copy, '-o', copy, url]);
}

test('what looks at the second of a file gets each of several publications within one', async () => {
  await using home = await createGpgKeys();
  await using site = await startSite({
    config: { signing: { keys: [await home.makeKey('signer')], gnupg_home: home.path } },
  });
  const wrong: string[] = [];
  for (let number = 0; number < PUBLICATIONS; number += 1) {
    expect((await putPackage(site.baseUrl, craftRpm({ name: `p${number}` }), 'wait=50')).status).toBe(201);
    await Promise.all(
      Object.entries(COPYING).map(async ([name, copy]) => {
        const directory = join(site.workDir, name);
        await mkdir(directory, { recursive: true });
        await copy(site, directory);
        for (const path of REPLACED) {
          const [copied, published] = [join(directory, path), join(site.storageDir, REPOSITORY, path)];
          if (!(await readFile(copied)).equals(await readFile(published)))
            wrong.push(`${name} ${number} ${path}`);
        }
      }),
    );
  }
  expect(wrong).toEqual([]);
});
