import type { IndexFormatName } from '../../src/indexing/engines/incremental/index-format.ts';
import {
  type IndexedPackage,
  type PackageGroup,
  perType,
} from '../../src/indexing/engines/incremental/package-group.ts';

/** A package of an index that exists nowhere, for what only decides about packages. */
export function indexedPackage(location: string, bytes: number): IndexedPackage {
  const third = Math.floor(bytes / 3);
  return {
    location,
    pkgid: 'a'.repeat(64),
    identity: `1-1-${location}`,
    textBytes: { primary: bytes - 2 * third, filelists: third, other: third },
  };
}

/** A group of such packages. */
export function packageGroup(
  packages: readonly IndexedPackage[],
  format: IndexFormatName | 'plain' = 'gzip',
): PackageGroup {
  return {
    packages,
    segments: perType((type) => ({
      lengthBytes: 10 * packages.length,
      crc32: packages.length,
      openBytes: packages.reduce((sum, { textBytes }) => sum + textBytes[type], 0),
      openCrc32: 2,
      path: `/nonexistent/${type}`,
      offset: 0,
      format,
    })),
  };
}
