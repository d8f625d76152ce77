import type { PackageMetadataType } from '../../../rpm/repodata/metadata-envelope.ts';
import type { IndexFormatName, Segment } from './index-format.ts';

/** For each of primary, filelists and other. */
export type PerType<T> = Readonly<Record<PackageMetadataType, T>>;

export function perType<T>(make: (type: PackageMetadataType) => T): PerType<T> {
  return { primary: make('primary'), filelists: make('filelists'), other: make('other') };
}

/** A package as the index describes it. */
export interface IndexedPackage {
  /** Path below the repository's directory. */
  readonly location: string;
  /** sha256 of the file, lower-case hex. */
  readonly pkgid: string;
  /** See toIdentity(). */
  readonly identity: string;
  /** Length of its text. */
  readonly textBytes: PerType<number>;
}

/** A segment and where it is: in a published file, in one of this run, or plain in a text that was taken over. */
export interface PlacedSegment extends Segment {
  readonly path: string;
  readonly offset: number;
  readonly format: IndexFormatName | 'plain';
}

/** Packages in order of location, described by one segment of each file, in the same order. */
export interface PackageGroup {
  readonly packages: readonly IndexedPackage[];
  readonly segments: PerType<PlacedSegment>;
}

/** Bytes of a group's text, all three files together. */
export function countOpenBytes({ segments }: PackageGroup): number {
  return segments.primary.openBytes + segments.filelists.openBytes + segments.other.openBytes;
}
