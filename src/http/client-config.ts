import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceDurable } from '../base/files/durable-files.ts';
import { findNoarchRepository, type RepositoryName } from '../rpm/repository-name.ts';

/** With a longer time hosts would miss what a build job just published; dnf's own default is two days. */
const METADATA_EXPIRE_SECONDS = 60;

/** dnf and yum take letters, digits and `-_.:` in an id; no releasever has a colon, so two repositories never get one id. */
const IN_PLACE_OF_PLUS = ':';

/** The armored public keys, in the top directory. */
export const KEY_FILE = 'RPM-GPG-KEY-rpmyard';

/** What a host is told. */
export interface ClientConfig {
  /** Without a slash at its end. */
  readonly publicUrl: string;
  /** Metadata is signed. */
  readonly isSigned: boolean;
  /** Packages are signed too. */
  readonly isSigningPackages: boolean;
  /** noarch packages are in a repository of their own, beside those of the basearches. */
  readonly hasNoarchRepository: boolean;
}

/** The .repo file of one repository: `dnf config-manager --add-repo <url>` or a copy into /etc/yum.repos.d. */
export function renderRepoFile(config: ClientConfig, repository: RepositoryName): string {
  const noarch = config.hasNoarchRepository ? findNoarchRepository(repository) : undefined;
  return [repository, ...(noarch === undefined ? [] : [noarch])]
    .map((one) => ({ id: toId(one), name: `Rpmyard ${one}`, repository: one }))
    .map((fields) => renderSection(fields, config))
    .join('\n');
}

function toId(repository: RepositoryName): string {
  return `rpmyard-${repository.replaceAll('/', '-').replaceAll('+', IN_PLACE_OF_PLUS)}`;
}

/** One .repo file for every host: the client fills in its own releasever and basearch. */
export function renderGeneralRepoFile(config: ClientConfig): string {
  const ofBasearch = {
    id: 'rpmyard',
    name: 'Rpmyard $releasever $basearch',
    repository: '$releasever/$basearch',
  };
  const ofNoarch = {
    id: 'rpmyard-noarch',
    name: 'Rpmyard $releasever noarch',
    repository: '$releasever/noarch',
  };
  return [ofBasearch, ...(config.hasNoarchRepository ? [ofNoarch] : [])]
    .map((fields) => renderSection(fields, config))
    .join('\n');
}

function renderSection(
  fields: { readonly id: string; readonly name: string; readonly repository: string },
  { publicUrl, isSigned, isSigningPackages }: ClientConfig,
): string {
  const url = `${publicUrl}/repo/${fields.repository}/`;
  return [
    `[${fields.id}]`,
    `name=${fields.name}`,
    `baseurl=${url}`,
    // dnf takes the mirrorlist alone: the plain URL can give a new repomd.xml with an old signature, or the other way round; a
    // generation cannot. zypper takes the plain URL, since it keeps a mirrorlist; yum takes all there are, and must not keep it.
    ...(isSigned ? [`mirrorlist=${url}mirrorlist`, 'mirrorlist_expire=0'] : []),
    'enabled=1',
    `gpgcheck=${isSigned && isSigningPackages ? 1 : 0}`,
    ...(isSigned ? ['repo_gpgcheck=1', `gpgkey=${publicUrl}/repo/${KEY_FILE}`] : []),
    `metadata_expire=${METADATA_EXPIRE_SECONDS}`,
    '',
  ].join('\n');
}

/** Writes a repository's .repo file beside its directory, as a static file that any web server can serve. */
export async function writeRepoFile(
  topDir: string,
  config: ClientConfig,
  repository: RepositoryName,
): Promise<void> {
  await replaceDurable(join(topDir, `${repository}.repo`), renderRepoFile(config, repository));
}

/** Writes the .repo file for every host to the top directory. */
export async function writeGeneralRepoFile(topDir: string, config: ClientConfig): Promise<void> {
  await replaceDurable(join(topDir, 'rpmyard.repo'), renderGeneralRepoFile(config));
}

/** Writes the public keys to the top directory, or removes them when nothing is signed. */
export async function writeKeyFile(topDir: string, armoredKeys: string | undefined): Promise<void> {
  const path = join(topDir, KEY_FILE);
  if (armoredKeys === undefined) await rm(path, { force: true });
  else await replaceDurable(path, armoredKeys);
}
