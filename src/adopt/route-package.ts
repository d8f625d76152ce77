import { AppError } from '../errors.ts';
import type { PackageIdentity, Target } from '../place/repository-layout.ts';
import type { NamedRepository } from './recognise-directory.ts';

/** Where a package goes. */
export interface Route {
  readonly targets: readonly Target[];
  /** Said explicitly, because the release tag names none or another one; undefined when the tag alone decides. */
  readonly releasever: string | undefined;
  /** What the release tag names, when the package goes elsewhere. */
  readonly taggedReleasever: string | undefined;
}

/** The rules a package is routed by. */
export interface RouteRules {
  readonly targetsOf: (identity: PackageIdentity, releasever?: string) => readonly Target[];
  /** For packages that neither their release tag nor their directory says anything of. */
  readonly releasever: string | undefined;
}

/**
 * Where a package goes: its release tag says it, else the directory it lies in, else the option. What lies in a
 * repository of our own tree stays in its releasever: somebody may have sent it with `?releasever=`.
 * @throws AppError NEVRA_INVALID, ARCH_UNKNOWN, RELEASEVER_UNKNOWN, PARAMETER_INVALID.
 */
export function routePackage(
  identity: PackageIdentity,
  named: NamedRepository | undefined,
  { targetsOf, releasever }: RouteRules,
): Route {
  const tagged = taggedTargets(identity, targetsOf);
  const taggedReleasever = tagged === undefined ? undefined : releaseverOf(tagged);
  if (named?.isInTree === true && named.releasever !== taggedReleasever) {
    const targets = targetsOf(identity, named.releasever);
    return { targets, releasever: named.releasever, taggedReleasever };
  }
  if (tagged !== undefined) return { targets: tagged, releasever: undefined, taggedReleasever: undefined };
  const decided = named?.releasever ?? releasever;
  if (decided !== undefined) {
    return { targets: targetsOf(identity, decided), releasever: decided, taggedReleasever: undefined };
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

/** Undefined when the release tag names no distribution. */
function taggedTargets(
  identity: PackageIdentity,
  targetsOf: RouteRules['targetsOf'],
): readonly Target[] | undefined {
  try {
    return targetsOf(identity);
  } catch (error) {
    if (error instanceof AppError && error.code === 'RELEASEVER_UNKNOWN') return undefined;
    throw error;
  }
}

function releaseverOf([first]: readonly Target[]): string | undefined {
  return first?.repository.split('/')[0];
}
