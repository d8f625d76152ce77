import type { DescribedDependencies, DescribedDependency } from './described-package.ts';
import { selectRequires } from './select-requires.ts';
import { hasBadEpoch } from './split-evr.ts';

/** RPMSENSE_STRONG. Source: createrepo_c, src/parsehdr.c. */
const STRONG = 1 << 27;

export interface SortedDependencies {
  readonly provides: readonly DescribedDependency[];
  readonly requires: readonly DescribedDependency[];
  readonly conflicts: readonly DescribedDependency[];
  readonly obsoletes: readonly DescribedDependency[];
  readonly suggests: readonly DescribedDependency[];
  readonly enhances: readonly DescribedDependency[];
  readonly recommends: readonly DescribedDependency[];
  readonly supplements: readonly DescribedDependency[];
}

/**
 * Which dependencies primary names, under which kind and in which order: the weak kinds of old packages under today's
 * names, without those of rpm on itself, those that the package fulfils itself, and the ones with a bad epoch.
 * Source: createrepo_c, src/parsehdr.c, cr_package_from_header.
 * @param primaryPaths those of the package's own files that primary names
 */
export function sortDependencies(
  dependencies: DescribedDependencies,
  primaryPaths: ReadonlySet<string>,
): SortedDependencies {
  const provides = withGoodEpoch(dependencies.provides);
  const { requires, missingOk } = selectRequires(dependencies.requires, provides, primaryPaths);
  const oldSuggests = withGoodEpoch(dependencies.oldSuggests);
  const oldEnhances = withGoodEpoch(dependencies.oldEnhances);
  return {
    provides,
    requires,
    conflicts: withGoodEpoch(dependencies.conflicts),
    obsoletes: withGoodEpoch(dependencies.obsoletes),
    suggests: [...withGoodEpoch(dependencies.suggests), ...oldSuggests.filter(isWeak)],
    enhances: [...withGoodEpoch(dependencies.enhances), ...oldEnhances.filter(isWeak)],
    recommends: [...missingOk, ...withGoodEpoch(dependencies.recommends), ...oldSuggests.filter(isStrong)],
    supplements: [...withGoodEpoch(dependencies.supplements), ...oldEnhances.filter(isStrong)],
  };
}

function withGoodEpoch(list: Iterable<DescribedDependency>): readonly DescribedDependency[] {
  const kept: DescribedDependency[] = [];
  for (const dependency of list) {
    if (!hasBadEpoch(dependency.evr)) kept.push(dependency);
  }
  return kept;
}

function isStrong({ flags }: DescribedDependency): boolean {
  return (flags & STRONG) !== 0;
}

function isWeak(dependency: DescribedDependency): boolean {
  return !isStrong(dependency);
}
