import { closeSync, openSync, writeSync } from 'node:fs';
import type { LeftOut } from '../../index-engine.ts';
import { compressSegment, type IndexFormatName } from './index-format.ts';
import { type IndexedPackage, type PackageGroup, perType } from './package-group.ts';
import { joinedText, type PackageText, PackageTexts } from './package-texts.ts';
import { GROUP_BYTES, type Piece, STEP_BYTES } from './plan-groups.ts';

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
  /** Those whose bytes are not the acknowledged ones. */
  readonly damaged: readonly LeftOut[];
  /** Locations of new packages whose file was removed meanwhile. */
  readonly gone: readonly string[];
}

/**
 * Describes the new packages among the pieces, puts them together with the others, and writes groups of them. An
 * independent strict parser reads each text before it is first published, so that no package can break the index for all.
 * @throws AppError INDEX_FAILED when a package cannot be read now, INDEX_DAMAGED when a kept text is not as it was written.
 */
export function rebuildGroups(job: RebuildJob): RebuiltGroups {
  const made = new PackageTexts(job.repositoryDir);
  const segments = openSync(job.segmentsPath, 'w');
  const groups: PackageGroup[] = [];
  const described: IndexedPackage[] = [];
  const writeGroup = createGroupWriter(segments, job);
  const writeAll = (texts: readonly PackageText[]): void => {
    for (const part of cutEvenly(texts)) {
      const sound = made.sound(part);
      if (sound.length > 0) groups.push(writeGroup(sound));
      described.push(...sound.filter(({ again }) => again === undefined).map(({ indexed }) => indexed));
    }
  };
  try {
    let texts: PackageText[] = [];
    let bytes = 0;
    for (const piece of job.pieces) {
      const text = made.of(piece);
      if (text === undefined) continue;
      texts.push(text);
      bytes += sumTextBytes(text);
      // The size of the pieces was a guess; a few packages can have as much text as hundreds.
      if (bytes < 2 * STEP_BYTES) continue;
      writeAll(texts);
      texts = [];
      bytes = 0;
    }
    writeAll(texts);
    return { groups, described, leftOut: made.leftOut, damaged: made.damaged, gone: made.gone };
  } finally {
    closeSync(segments);
    made.close();
  }
}

/** Parts of about the same size, near that of a group. */
function cutEvenly(texts: readonly PackageText[]): readonly (readonly PackageText[])[] {
  const totalBytes = texts.reduce((sum, text) => sum + sumTextBytes(text), 0);
  const partCount = Math.max(1, Math.round(totalBytes / GROUP_BYTES));
  const parts: PackageText[][] = Array.from({ length: partCount }, () => []);
  let bytesBefore = 0;
  for (const text of texts) {
    const part = Math.min(partCount - 1, Math.floor((bytesBefore / totalBytes) * partCount));
    parts[part]?.push(text);
    bytesBefore += sumTextBytes(text);
  }
  return parts.filter((part) => part.length > 0);
}

function sumTextBytes({ indexed: { textBytes } }: PackageText): number {
  return textBytes.primary + textBytes.filelists + textBytes.other;
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
      const { bytes, segment } = compressSegment(format, joinedText(part, type));
      const offset = end;
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
      end += bytes.length;
      return { ...segment, path: segmentsPath, offset, format };
    }),
  });
}
