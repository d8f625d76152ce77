/** A repository's name: `<releasever>/<basearch>`, as in its URL and below the top directory. */
export type RepositoryName = string;

export interface RepositoryParts {
  readonly releasever: string;
  readonly basearch: string;
}

// `rpmyard.repo`, the keys and the like are files beside the directories.
const RELEASEVER = /^(?!.*\.repo$|RPM-GPG-KEY-)[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}$/;
const BASEARCH = /^[A-Za-z0-9_]{1,64}$/;
// Between the parts in the name of a file; neither part may hold it.
const FILE_SEPARATOR = '@';

/** The basearch of noarch packages that have a repository of their own, and that of source packages. */
export const NOARCH = 'noarch';
export const SOURCE_BASEARCH = 'SRPMS';

/** True for the first part of a repository's name. */
export function isReleasever(text: string): boolean {
  return RELEASEVER.test(text);
}

/** Undefined when a part is not allowed. */
export function joinRepositoryName({ releasever, basearch }: RepositoryParts): RepositoryName | undefined {
  const isAllowed = isReleasever(releasever) && BASEARCH.test(basearch);
  return isAllowed ? `${releasever}/${basearch}` : undefined;
}

/** The last two parts; what stands before them is no concern of theirs. */
export function splitRepositoryName(repository: RepositoryName): RepositoryParts {
  const [basearch = '', releasever = ''] = repository.split('/').toReversed();
  return { releasever, basearch };
}

/** Undefined for a text that is no repository's name. */
export function parseRepositoryName(text: string): RepositoryName | undefined {
  const name = joinRepositoryName(splitRepositoryName(text));
  return name === text ? name : undefined;
}

/** Names a repository in a directory of the service's own: `9@x86_64`. */
export function repositoryFileName(repository: RepositoryName): string {
  return repository.replace('/', FILE_SEPARATOR);
}

/** Undefined for a name that repositoryFileName() gives to no repository. */
export function repositoryOfFileName(name: string): RepositoryName | undefined {
  return parseRepositoryName(name.replace(FILE_SEPARATOR, '/'));
}

/** The repository that hosts of this one need for noarch packages, where these have one of their own. */
export function noarchRepositoryBeside(repository: RepositoryName): RepositoryName | undefined {
  const { releasever, basearch } = splitRepositoryName(repository);
  if (basearch === NOARCH || basearch === SOURCE_BASEARCH) return undefined;
  return joinRepositoryName({ releasever, basearch: NOARCH });
}
