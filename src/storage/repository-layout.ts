import { dirname, join } from 'node:path';
import { AppError, cutText } from '../errors.ts';
import {
  isReleasever,
  joinRepositoryName,
  NOARCH,
  type RepositoryName,
  SOURCE_BASEARCH,
} from '../rpm/repository-name.ts';
import { formatNvra, type NevraTags, toNevra } from '../rpm/nevra.ts';
import { findBasearch, isBasearch } from './arch-table.ts';
import { suggestField } from './local/suggest-field.ts';
import type { LockFiles } from './tree-lock.ts';

/** What the layout needs to know of a package. */
export type PackageIdentity = Omit<NevraTags, 'epoch'>;

/** One place that a package goes to. */
export interface Target {
  readonly repository: RepositoryName;
  /** Path below the repository's directory: `Packages/<file name>`. */
  readonly location: string;
}

export interface RepositoryLayout {
  readonly topDir: string;
  /**
   * Where a package goes: one target in each releasever and each basearch that it is for.
   * @param releasever says it explicitly, several with commas between them (`9,8`); otherwise the release tag decides.
   * @param basearches instead of those that the arch says.
   * @throws AppError NEVRA_INVALID, ARCH_UNKNOWN, RELEASEVER_UNKNOWN, PARAMETER_INVALID.
   */
  targetsOf(
    identity: PackageIdentity,
    releasever?: string,
    basearches?: readonly string[],
  ): readonly Target[];
  directoryOf(repository: RepositoryName): string;
  /** The absolute path of a package. */
  pathOf(target: Target): string;
}

/** The lock of the top directory; a leading dot keeps the files from being served. */
export function treeLockFiles(topDir: string): LockFiles {
  return {
    lockFile: join(topDir, '.rpmyard-lock.sqlite'),
    ownerFile: join(topDir, '.rpmyard-owner.json'),
  };
}

/** The directory of a repository's packages. */
export const PACKAGES = 'Packages';

// A file name without a dash in version and release is unambiguous, and none of these can leave its directory.
const NAME = /^[A-Za-z0-9_+][A-Za-z0-9._+-]*$/;
const VERSION_OR_RELEASE = /^[A-Za-z0-9._+~^]+$/;
// What an architecture may be called, and so the directory that it gets.
const ARCH = /^[A-Za-z0-9_]{1,64}$/;
// ext4, xfs and btrfs take file names up to this length.
const MAX_FILE_NAME_BYTES = 255;
// Each is a repository that is locked, marked and indexed for one upload.
const MAX_RELEASEVERS = 20;
// Enough to see what is wrong with a value.
const MAX_QUOTED_BYTES = 80;

/**
 * The directories that a repository is made of: that of its releasever, its own, and those of its packages and metadata. None of
 * them may be a symbolic link.
 */
export function repositoryDirectories(repositoryDir: string): readonly string[] {
  return [
    dirname(repositoryDir),
    repositoryDir,
    join(repositoryDir, PACKAGES),
    join(repositoryDir, 'repodata'),
  ];
}

/** The rules that turn a package's identity into its paths in the tree, and the name of a repository into its directory. */
export function createRepositoryLayout(options: {
  readonly topDir: string;
  readonly releaseverPatterns: readonly RegExp[];
  readonly noarchBasearches: readonly string[];
  /** Basearch -> where its packages go as well. */
  readonly multilib: ReadonlyMap<string, readonly string[]>;
}): RepositoryLayout {
  const { topDir, releaseverPatterns, noarchBasearches, multilib } = options;

  return {
    topDir,
    targetsOf,
    directoryOf,
    pathOf: ({ repository, location }) => join(directoryOf(repository), location),
  };

  function targetsOf(
    identity: PackageIdentity,
    releasever?: string,
    basearches?: readonly string[],
  ): readonly Target[] {
    const location = `${PACKAGES}/${packageFileName(identity)}`;
    const ofArch = findBasearches(identity);
    const releasevers =
      releasever === undefined ? [demandReleasever(identity.release)] : checkReleasevers(releasever);
    return releasevers.flatMap((one) =>
      (basearches ?? ofArch).map((basearch) => {
        const repository = demandRepositoryName(one, basearch);
        return { repository, location };
      }),
    );
  }

  function directoryOf(repository: RepositoryName): string {
    return join(topDir, repository);
  }

  function findBasearches({ arch, isSource }: PackageIdentity): readonly string[] {
    if (isSource) return [SOURCE_BASEARCH];
    if (arch === NOARCH) return noarchBasearches.length > 0 ? noarchBasearches : [NOARCH];
    const basearch = findBasearch(arch);
    if (basearch !== undefined) return [...new Set([basearch, ...(multilib.get(basearch) ?? [])])];
    throw new AppError(
      'ARCH_UNKNOWN',
      `the package's arch is ${quote(arch)}, which is no known architecture`,
      {
        hint: 'Build the package for an architecture that rpm knows.',
      },
    );
  }

  function demandReleasever(release: string): string {
    const releasever = findReleasever(release, releaseverPatterns);
    if (releasever !== undefined) return releasever;
    throw new AppError(
      'RELEASEVER_UNKNOWN',
      `the release tag ${quote(release)} names no known distribution`,
      {
        hint: 'Add ?releasever=9 to the upload URL, or build with a dist tag (in a spec file Release: 1%{?dist}, elsewhere a release such as 1.el9), or add a pattern to layout.releasever.',
        details: { release },
      },
    );
  }
}

/** What the first pattern that fits says of a release tag; undefined when none names a releasever. */
export function findReleasever(release: string, patterns: readonly RegExp[]): string | undefined {
  for (const pattern of patterns) {
    const releasever = pattern.exec(release)?.groups?.['releasever'];
    if (releasever !== undefined && isReleasever(releasever)) return releasever;
  }
  return undefined;
}

/** Checks and joins the two parts of a repository's name. @throws AppError NOT_FOUND when either is not allowed. */
export function demandRepositoryName(releasever: string, basearch: string): RepositoryName {
  const name = joinRepositoryName({ releasever, basearch });
  if (name !== undefined) return name;
  throw new AppError('NOT_FOUND', `${quote(`${releasever}/${basearch}`)} is no repository name`, {
    hint: 'GET /api/v1/repositories lists the repositories.',
  });
}

/** The basearch that a directory's name means (`i686` is `i386`); undefined for a name that means something else. */
export function basearchOfDirectory(name: string): string | undefined {
  if (name === SOURCE_BASEARCH || name === 'noarch' || isBasearch(name)) return name;
  return findBasearch(name);
}

/** `<name>-<version>-<release>.<arch>.rpm`, `src` or `nosrc` for source packages. @throws AppError NEVRA_INVALID. */
export function packageFileName(identity: PackageIdentity): string {
  const nevra = toNevra(identity);
  checkField('name', nevra.name, NAME);
  checkField('version', nevra.version, VERSION_OR_RELEASE);
  checkField('release', nevra.release, VERSION_OR_RELEASE);
  checkField('arch', nevra.arch, ARCH);
  const fileName = `${formatNvra(nevra)}.rpm`;
  if (fileName.length <= MAX_FILE_NAME_BYTES) return fileName;
  throw new AppError(
    'NEVRA_INVALID',
    `the package's file name would have ${fileName.length} bytes, at most ${MAX_FILE_NAME_BYTES} are possible`,
    { hint: 'Shorten its name, version or release.' },
  );
}

function checkField(field: string, value: string, pattern: RegExp): void {
  if (pattern.test(value)) return;
  throw new AppError('NEVRA_INVALID', `the package's ${field} is ${quote(value)}`, {
    hint: `${suggestInstead(field, value, pattern)}A ${field} must match ${pattern.source}.`,
  });
}

/** What to write instead, when that is clear. */
function suggestInstead(field: string, value: string, pattern: RegExp): string {
  // An arch is a word of rpm's.
  if (field === 'arch') return '';
  const suggestion = suggestField(field, value.slice(0, MAX_FILE_NAME_BYTES));
  if (suggestion === undefined || !pattern.test(suggestion)) return '';
  const epoch = field === 'version' && /^\d+:/.test(value) ? ' (an epoch has a tag of its own)' : '';
  return `Write ${quote(suggestion)}${epoch} and build again. `;
}

/** Each one once. */
function checkReleasevers(list: string): readonly string[] {
  const releasevers = [...new Set(list.split(','))];
  const wrong = releasevers.find((one) => !isReleasever(one));
  if (wrong !== undefined) {
    throw new AppError('PARAMETER_INVALID', `releasever is ${quote(wrong)}`, {
      hint: 'Use letters, digits, dot, plus, dash and underscore, for example ?releasever=9, or several: ?releasever=9,8.',
    });
  }
  if (releasevers.length <= MAX_RELEASEVERS) return releasevers;
  throw new AppError('PARAMETER_INVALID', `releasever names ${releasevers.length} releasevers`, {
    hint: `Name at most ${MAX_RELEASEVERS}, and send the package again for others.`,
  });
}

/** The beginning of an untrusted value, quoted. */
function quote(value: string): string {
  return JSON.stringify(cutText(value, MAX_QUOTED_BYTES));
}
