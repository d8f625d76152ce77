// `rpmyard.repo`, the keys and the like are files beside the directories.
const RELEASEVER = /^(?!.*\.repo$|RPM-GPG-KEY-)[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}$/;
const BASEARCH = /^[A-Za-z0-9_]{1,64}$/;

/** True for the first part of a repository's name. */
export function isReleasever(text: string): boolean {
  return RELEASEVER.test(text);
}

/** True when `<releasever>/<basearch>` can be the name of a repository. */
export function isRepositoryName(releasever: string, basearch: string): boolean {
  return isReleasever(releasever) && BASEARCH.test(basearch);
}

/** The basearch of noarch packages that have a repository of their own, and that of source packages. */
export const NOARCH = 'noarch';
export const SOURCE_BASEARCH = 'SRPMS';

/** The repository that hosts of this one need for noarch packages, where these have one of their own. */
export function noarchRepositoryBeside(repository: string): string | undefined {
  const [releasever = '', basearch = ''] = repository.split('/');
  return basearch === NOARCH || basearch === SOURCE_BASEARCH ? undefined : `${releasever}/${NOARCH}`;
}
