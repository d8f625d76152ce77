import { join } from 'node:path';
import { identityAt } from '../../../base/files/file-identity.ts';
import type { IndexJob } from '../../index-engine.ts';
import type { IndexedPackage, PackageGroup } from './package-group.ts';
import type { NewPackage } from './plan-groups.ts';
import { divideSetAside } from '../../rebuild/set-aside.ts';

/** How the packages on disk differ from those in an index. */
export interface PackageChanges {
  /** Packages to describe: new ones, and files other than those that were indexed. In order of location. */
  readonly added: readonly NewPackage[];
  /** Packages that leave the index, or are described anew. */
  readonly removed: ReadonlySet<string>;
  readonly gone: readonly string[];
  readonly readmitted: readonly string[];
  /** Every package on disk that belongs into the index. */
  readonly expected: { readonly size: number; readonly has: (location: string) => boolean };
}

/** Compares the packages on disk with the index; the job says how much of the index to trust. */
export function comparePackages(
  locations: readonly string[],
  groups: readonly PackageGroup[],
  job: Pick<IndexJob, 'repositoryDir' | 'trust' | 'acknowledged' | 'setAside' | 'heldBack'>,
): PackageChanges {
  const { trust, acknowledged } = job;
  const identityOf = (location: string): string | undefined => identityAt(join(job.repositoryDir, location));
  const { readmitted, staysOut } = divideSetAside(job);

  // Location -> whether the index describes it as it is.
  const expected = new Map(locations.map((location) => [location, false]));
  const gone = [...acknowledged.keys()].filter((location) => !expected.has(location));
  for (const location of [...staysOut, ...job.heldBack]) expected.delete(location);
  const removed = new Set<string>();
  for (const { location, pkgid, identity } of iteratePackages(groups)) {
    const digest = acknowledged.get(location);
    const isTrusted = trust === 'names' && digest === undefined;
    if (!expected.has(location)) {
      removed.add(location);
      if (!staysOut.has(location) && !job.heldBack.has(location)) gone.push(location);
    } else if (isTrusted || (pkgid === (digest ?? pkgid) && identity === identityOf(location))) {
      expected.set(location, true);
    } else removed.add(location);
  }
  // This service just placed the file, so no other program has touched it; any other digest may be that of a former
  // file.
  const believed = trust === 'names' ? acknowledged : new Map<string, string>();
  const added = [...expected].filter(([, isDescribed]) => !isDescribed).map(([location]) => location);
  return {
    added: added.toSorted().map((location) => ({
      location,
      sha256: believed.get(location),
      acknowledged: acknowledged.get(location),
    })),
    removed,
    gone: [...new Set(gone)],
    readmitted,
    expected,
  };
}

/**
 * The same without the names on disk, for an index that described each package there before this service placed some.
 * @param groups in order of location.
 */
export function comparePlaced(
  groups: readonly PackageGroup[],
  { repositoryDir, acknowledged }: Pick<IndexJob, 'repositoryDir' | 'acknowledged'>,
): PackageChanges {
  const removed = new Set<string>();
  const added = new Map<string, NewPackage>();
  let size = groups.reduce((sum, { packages }) => sum + packages.length, 0);
  for (const [location, sha256] of acknowledged) {
    const former = findIndexed(groups, location);
    const isSame = former?.pkgid === sha256 && former.identity === identityAt(join(repositoryDir, location));
    if (isSame) continue;
    if (former === undefined) size += 1;
    else removed.add(location);
    added.set(location, { location, sha256, acknowledged: sha256 });
  }
  return {
    added: [...added.values()].toSorted((a, b) => (a.location < b.location ? -1 : 1)),
    removed,
    gone: [],
    readmitted: [],
    expected: {
      size,
      has: (location) => added.has(location) || findIndexed(groups, location) !== undefined,
    },
  };
}

/** The package at a location, by binary search in groups that are in order of location. */
function findIndexed(groups: readonly PackageGroup[], location: string): IndexedPackage | undefined {
  let low = 0;
  let high = groups.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((groups[middle]?.packages[0]?.location ?? '') <= location) low = middle + 1;
    else high = middle;
  }
  return groups[low - 1]?.packages.find((one) => one.location === location);
}

function* iteratePackages(groups: readonly PackageGroup[]): Generator<IndexedPackage, undefined> {
  for (const { packages } of groups) yield* packages;
}
