import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, writeSync } from 'node:fs';
import { AppError } from '../errors.ts';
import { checkGroup } from '../repodata/check-group.ts';
import { PACKAGE_METADATA_TYPES, type PackageMetadataType } from '../repodata/metadata-envelope.ts';
import { describePackage } from './describe-package.ts';
import type { LeftOut } from './index-engine.ts';
import { compressSegment, type IndexFormatName } from './index-format.ts';
import { type IndexedPackage, type PackageGroup, type PerType, perType } from './package-group.ts';
import { GROUP_BYTES, type NewPackage, type Piece } from './plan-groups.ts';
import { createKeptTextReader } from './read-kept-text.ts';

/** Pieces that become one or more groups. Plain data: it may travel to a worker thread. */
export interface RebuildJob {
  readonly repositoryDir: string;
  /** In order of location. */
  readonly pieces: readonly Piece[];
  readonly format: IndexFormatName;
  /** The file that takes the new segments. */
  readonly segmentsPath: string;
}

export interface RebuiltGroups {
  readonly groups: readonly PackageGroup[];
  /** The packages among them that were described anew. */
  readonly described: readonly IndexedPackage[];
  readonly leftOut: readonly LeftOut[];
}

/** A package and its text in each file. */
interface PackageText {
  readonly indexed: IndexedPackage;
  readonly texts: PerType<Buffer>;
  readonly isNew: boolean;
}

/**
 * Describes the new packages among the pieces, puts them together with the others, and writes groups of them. Every
 * group is read by an independent strict parser first, so that no package can break the index for all.
 * @throws AppError INDEX_FAILED when a package cannot be read now, INDEX_DAMAGED when a kept text is not as it was written.
 */
export function rebuildGroups(job: RebuildJob): RebuiltGroups {
  const leftOut: LeftOut[] = [];
  const kept = createKeptTextReader();
  const segments = openSync(job.segmentsPath, 'w');
  try {
    const texts = job.pieces.flatMap((piece) =>
      'package' in piece
        ? describe(job.repositoryDir, piece.package, leftOut)
        : keptText(piece.group.packages[piece.index], kept.read(piece.group, piece.index)),
    );
    const sound = cutEvenly(texts).map((part) => withoutUnsound(part, job.repositoryDir, leftOut));
    const parts = sound.filter((part) => part.length > 0);
    const writeGroup = createGroupWriter(segments, job);
    return {
      groups: parts.map(writeGroup),
      described: parts.flatMap((part) => part.filter(({ isNew }) => isNew).map(({ indexed }) => indexed)),
      leftOut,
    };
  } finally {
    closeSync(segments);
    kept.close();
  }
}

/** Its text; none when it was left out, which `leftOut` then says, or is gone. */
function describe(repositoryDir: string, newPackage: NewPackage, leftOut: LeftOut[]): readonly PackageText[] {
  const description = describePackage(repositoryDir, newPackage);
  if (description.outcome === 'gone') return [];
  const { location } = newPackage;
  const { identity } = description;
  if (description.outcome === 'left-out') {
    leftOut.push({ location, identity, reason: description.reason });
    return [];
  }
  const { pkgid, xml } = description;
  const texts = perType((type) => Buffer.from(xml[type]));
  const textBytes = perType((type) => texts[type].length);
  return [{ indexed: { location, pkgid, identity, textBytes }, texts, isNew: true }];
}

function keptText(indexed: IndexedPackage | undefined, texts: PerType<Buffer>): readonly PackageText[] {
  return indexed === undefined ? [] : [{ indexed, texts, isNew: false }];
}

/** Parts of about the same size, near that of a group. */
function cutEvenly(texts: readonly PackageText[]): readonly (readonly PackageText[])[] {
  const totalBytes = texts.reduce((sum, text) => sum + bytesOf(text), 0);
  const partCount = Math.max(1, Math.round(totalBytes / GROUP_BYTES));
  const parts: PackageText[][] = Array.from({ length: partCount }, () => []);
  let bytesBefore = 0;
  for (const text of texts) {
    const part = Math.min(partCount - 1, Math.floor((bytesBefore / totalBytes) * partCount));
    parts[part]?.push(text);
    bytesBefore += bytesOf(text);
  }
  return parts;
}

function bytesOf({ indexed: { textBytes } }: PackageText): number {
  return textBytes.primary + textBytes.filelists + textBytes.other;
}

/** The part as it is when the strict parser takes it, which is nearly always; else without the packages at fault. */
function withoutUnsound(
  part: readonly PackageText[],
  repositoryDir: string,
  leftOut: LeftOut[],
): readonly PackageText[] {
  if (faultOf(part) === undefined) return part;
  const sound = part.flatMap((text) => {
    const fault = faultOf([text]);
    if (fault === undefined) return [text];
    // What somebody else wrote of it may be at fault, not the package.
    const again = text.isNew ? [text] : describe(repositoryDir, withoutDigest(text), leftOut);
    const lasting = again.length === 0 ? undefined : faultOf(again);
    if (lasting === undefined) return again;
    const { location, identity } = text.indexed;
    leftOut.push({ location, identity, reason: `its metadata would break the index: ${lasting}` });
    return [];
  });
  const fault = faultOf(sound);
  if (fault === undefined) return sound;
  throw new AppError('INDEX_FAILED', `packages that are sound alone are not together: ${fault}`, {
    hint: 'The former index stays and the run is tried again; report it if it lasts.',
  });
}

function withoutDigest({ indexed: { location } }: PackageText): NewPackage {
  return { location, sha256: undefined };
}

/** What the strict parser has against the packages; undefined when it reads exactly them. */
function faultOf(part: readonly PackageText[]): string | undefined {
  try {
    for (const type of PACKAGE_METADATA_TYPES) {
      const bytes = joined(part, type);
      // Decoding would hide it: the bytes are written, not the text.
      if (!isUtf8(bytes)) return `${type} holds bytes that are no UTF-8`;
      const found = checkGroup(type, bytes.toString());
      const isComplete =
        found.length === part.length &&
        part.every(({ indexed }, index) => {
          const { pkgid, location } = found[index] ?? {};
          return pkgid === indexed.pkgid && (type !== 'primary' || location === indexed.location);
        });
      if (!isComplete) return `${type} would describe other packages than it should`;
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function joined(part: readonly PackageText[], type: PackageMetadataType): Buffer {
  return Buffer.concat(part.map(({ texts }) => texts[type]));
}

/** Appends the segments of one group after the other to the file. */
function createGroupWriter(
  descriptor: number,
  { format, segmentsPath }: RebuildJob,
): (part: readonly PackageText[]) => PackageGroup {
  let end = 0;
  return (part) => ({
    packages: part.map(({ indexed }) => indexed),
    segments: perType((type) => {
      const { bytes, segment } = compressSegment(format, joined(part, type));
      const offset = end;
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
      end += bytes.length;
      return { ...segment, path: segmentsPath, offset, format };
    }),
  });
}
