declare const brand: unique symbol;

/**
 * A repository's name: `[<channel>/]<releasever>/<basearch>`, as in its URL and below the top directory. Only this module makes
 * one, of a text or of parts that it has checked. It stays a string, so that it can be the key of a map.
 */
export type RepositoryName = string & { readonly [brand]: 'RepositoryName' };

export interface RepositoryParts {
  /** Undefined for a repository that belongs to no channel. */
  readonly channel?: string | undefined;
  readonly releasever: string;
  readonly basearch: string;
}

// `rpmyard.repo`, the keys and the like are files beside the directories.
const RELEASEVER = /^(?!.*\.repo$|RPM-GPG-KEY-)[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}$/;
const BASEARCH = /^[A-Za-z0-9_]{1,64}$/;
// Stands between the parts in the name of a file; no part may hold it.
const FILE_SEPARATOR = '@';
// The configuration names no channels yet.
const NO_CHANNELS: ReadonlySet<string> = new Set();

/** The basearch of noarch packages that have a repository of their own, and that of source packages. */
export const NOARCH = 'noarch';
export const SOURCE_BASEARCH = 'SRPMS';

/** True for the part of a repository's name that says the distribution's release. */
export function isReleasever(text: string): boolean {
  return RELEASEVER.test(text);
}

/**
 * Undefined for a text that is no repository's name.
 * @param channels what may stand before the releasever.
 */
export function parseRepositoryName(
  text: string,
  channels: ReadonlySet<string> = NO_CHANNELS,
): RepositoryName | undefined {
  return isRepositoryName(text, channels) ? text : undefined;
}

/** Undefined when a part is not allowed. @param channels what the channel may be. */
export function joinRepositoryName(
  parts: RepositoryParts,
  channels: ReadonlySet<string> = NO_CHANNELS,
): RepositoryName | undefined {
  // The parts first: a slash in one would make other parts of the text.
  return areAllowed(parts, channels) ? parseRepositoryName(join(parts), channels) : undefined;
}

export function splitRepositoryName(repository: RepositoryName): RepositoryParts {
  return split(repository);
}

/** Names a repository in a directory of the service's own: `9@x86_64`. */
export function toRepositoryFileName(repository: RepositoryName): string {
  return repository.replaceAll('/', FILE_SEPARATOR);
}

/** Undefined for a name that toRepositoryFileName() gives to no repository. @param channels as parseRepositoryName() takes them. */
export function parseRepositoryFileName(
  name: string,
  channels?: ReadonlySet<string>,
): RepositoryName | undefined {
  return parseRepositoryName(name.replaceAll(FILE_SEPARATOR, '/'), channels);
}

/** The repository of another basearch, of the same releasever and channel. Undefined when the basearch is not allowed. */
export function replaceBasearch(repository: RepositoryName, basearch: string): RepositoryName | undefined {
  const parts = split(repository);
  const channels = parts.channel === undefined ? NO_CHANNELS : new Set([parts.channel]);
  return joinRepositoryName({ ...parts, basearch }, channels);
}

/** The repository that hosts of this one need for noarch packages, where these have one of their own. */
export function findNoarchRepository(repository: RepositoryName): RepositoryName | undefined {
  const { basearch } = split(repository);
  return basearch === NOARCH || basearch === SOURCE_BASEARCH
    ? undefined
    : replaceBasearch(repository, NOARCH);
}

function isRepositoryName(text: string, channels: ReadonlySet<string>): text is RepositoryName {
  const parts = split(text);
  return areAllowed(parts, channels) && join(parts) === text;
}

function areAllowed(
  { channel, releasever, basearch }: RepositoryParts,
  channels: ReadonlySet<string>,
): boolean {
  const isChannelAllowed = channel === undefined || channels.has(channel);
  return isChannelAllowed && isReleasever(releasever) && BASEARCH.test(basearch);
}

function split(text: string): RepositoryParts {
  const [basearch = '', releasever = '', channel] = text.split('/').toReversed();
  return { channel, releasever, basearch };
}

function join({ channel, releasever, basearch }: RepositoryParts): string {
  return channel === undefined ? `${releasever}/${basearch}` : `${channel}/${releasever}/${basearch}`;
}
