import { PACKAGE_METADATA_TYPES, type PackageMetadataType } from '../../rpm/repodata/metadata-envelope.ts';
import type { Repomd } from '../../rpm/repodata/repomd.ts';
import type { Finding } from '../violation.ts';

/** How often each pkgid comes in a file. */
export type PkgidCounts = ReadonlyMap<string, number>;

/** Compares filelists and other, as far as they could be read, with primary. */
export function comparePkgids(
  repomd: Repomd,
  pkgids: ReadonlyMap<PackageMetadataType, PkgidCounts>,
): readonly Finding[] {
  const primary = pkgids.get('primary');
  if (primary === undefined) return [];
  return repomd.data.flatMap(({ type, href }) => {
    const found = PACKAGE_METADATA_TYPES.find((known) => known === type);
    const others = found === undefined ? undefined : pkgids.get(found);
    const pkgid = others === undefined ? undefined : firstDifference(primary, others);
    if (pkgid === undefined) return [];
    const [inPrimary, here] = [primary.get(pkgid) ?? 0, others?.get(pkgid) ?? 0];
    const detail = `primary describes package ${pkgid} ${inPrimary} times, ${type} ${here} times`;
    return [{ code: 'METADATA_DISAGREE', subject: href, detail } as const];
  });
}

/** The first pkgid that does not come equally often in both. */
function firstDifference(a: PkgidCounts, b: PkgidCounts): string | undefined {
  for (const [pkgid, count] of a) if (b.get(pkgid) !== count) return pkgid;
  for (const pkgid of b.keys()) if (!a.has(pkgid)) return pkgid;
  return undefined;
}
