import { join } from 'node:path';
import { identityAt } from '../../../base/files/file-identity.ts';
import type { IndexJob } from '../../index-engine.ts';
import type { IndexedPackage, PackageGroup } from './package-group.ts';
import type { NewPackage } from './plan-groups.ts';
import { divideSetAside } from '../../rebuild/set-aside.ts';

/** How the packages on disk differ from those in an index. */
export interface PackageChanges {
  /** To be described: new, or another file than the one that was indexed. In order of location. */
  readonly added: readonly NewPackage[];
  /** To leave the index, or to be described anew. */
  readonly removed: ReadonlySet<string>;
  readonly gone: readonly string[];
  readonly readmitted: readonly string[];
  /** Every package on disk that is not to stay out. */
  readonly expected: { readonly size: number; readonly has: (location: string) => boolean };
}

/** Compares the packages on disk with the index; how much it looks at is what the job trusts. */
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
  for (const { location, pkgid, identity } of packagesOf(groups)) {
    const digest = acknowledged.get(location);
    const isTrusted = trust === 'names' && digest === undefined;
    if (!expected.has(location)) {
      removed.add(location);
      if (!staysOut.has(location) && !job.heldBack.has(location)) gone.push(location);
    } else if (isTrusted || (pkgid === (digest ?? pkgid) && identity === identityOf(location))) {
      expected.set(location, true);
    } else removed.add(location);
  }
  // Just placed by this service, so nobody else has touched it; any other digest may be that of a former file.
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

function* packagesOf(groups: readonly PackageGroup[]): Generator<IndexedPackage, undefined> {
  for (const { packages } of groups) yield* packages;
}
