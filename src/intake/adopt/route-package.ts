import { splitRepositoryName } from '../../rpm/repository-name.ts';
import { AppError } from '../../errors.ts';
import { alsoInstalls } from '../../storage/arch-table.ts';
import type { PackageIdentity, RepositoryLayout, Target } from '../../storage/repository-layout.ts';
import type { NamedRepository } from './recognise-directory.ts';

/** Where a package goes. */
export interface PackageRoute {
  readonly targets: readonly Target[];
  /** Said explicitly, because the release tag names none or another one; undefined when the tag alone decides. */
  readonly releasever: string | undefined;
  /** The basearch in which it stays, when its arch says another basearch or more of them. */
  readonly keptIn: string | undefined;
  /** What the release tag names, when the package goes elsewhere. */
  readonly taggedReleasever: string | undefined;
}

/** The rules a package is routed by. */
export interface RouteRules {
  readonly targetsOf: RepositoryLayout['targetsOf'];
  /** The releasever for packages of which neither the release tag nor the directory names one. */
  readonly releasever: string | undefined;
}

/**
 * Where a package goes: its release tag says it, else its directory, else the option. A package in a repository of the
 * service's own tree stays in its releasever: a client may have sent it with `?releasever=`. A package in a directory
 * whose hosts install it though it has another basearch (i686 in x86_64) stays there: those hosts would miss it, and
 * others never had it.
 * @throws AppError NEVRA_INVALID, ARCH_UNKNOWN, RELEASEVER_UNKNOWN, PARAMETER_INVALID.
 */
export function routePackage(
  identity: PackageIdentity,
  named: NamedRepository | undefined,
  { targetsOf, releasever }: RouteRules,
): PackageRoute {
  const keptIn = keptBasearch(identity, named);
  const basearches = keptIn === undefined ? undefined : [keptIn];
  const tagged = taggedTargets(identity, targetsOf, basearches);
  const taggedReleasever = tagged === undefined ? undefined : readReleasever(tagged);
  if (named?.isInTree === true && named.releasever !== taggedReleasever) {
    const targets = targetsOf(identity, named.releasever, basearches);
    return { targets, releasever: named.releasever, keptIn, taggedReleasever };
  }
  if (tagged !== undefined)
    return { targets: tagged, releasever: undefined, keptIn, taggedReleasever: undefined };
  const decided = named?.releasever ?? releasever;
  if (decided !== undefined) {
    const targets = targetsOf(identity, decided, basearches);
    return { targets, releasever: decided, keptIn, taggedReleasever: undefined };
  }
  throw new AppError(
    'RELEASEVER_UNKNOWN',
    `the release tag "${identity.release}" names no known distribution, and the directory no <releasever>/<basearch>`,
    {
      hint: 'Say where such packages go with --releasever, for example --releasever 9, or add a pattern to layout.releasever.',
      details: { release: identity.release },
    },
  );
}

function keptBasearch(
  { arch, isSource }: PackageIdentity,
  named: NamedRepository | undefined,
): string | undefined {
  if (isSource || named === undefined) return undefined;
  const { basearch } = splitRepositoryName(named.repository);
  return alsoInstalls(basearch, arch) ? basearch : undefined;
}

/** Undefined when the release tag names no distribution. */
function taggedTargets(
  identity: PackageIdentity,
  targetsOf: RouteRules['targetsOf'],
  basearches: readonly string[] | undefined,
): readonly Target[] | undefined {
  try {
    return targetsOf(identity, undefined, basearches);
  } catch (error) {
    if (error instanceof AppError && error.code === 'RELEASEVER_UNKNOWN') return undefined;
    throw error;
  }
}

function readReleasever([first]: readonly Target[]): string | undefined {
  return first === undefined ? undefined : splitRepositoryName(first.repository).releasever;
}
