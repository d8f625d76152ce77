import { createHash } from 'node:crypto';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { closingTag, openingTag, type PackageMetadataType } from '../../../rpm/repodata/metadata-envelope.ts';
import type { MetadataFile } from '../../../rpm/repodata/repomd.ts';
import {
  checkSegment,
  compressSegment,
  INDEX_FORMATS,
  type IndexFormatName,
  type Segment,
} from './index-format.ts';
import type { PackageGroup, PlacedSegment } from './package-group.ts';

/** A file of the index, and where its groups lie in it. */
export interface WrittenFile {
  readonly file: MetadataFile;
  /** Offset of the first group's segment; the others follow without gaps. */
  readonly groupsOffset: number;
}

const MAX_OPEN_FILES = 16;
// Large enough that a copy takes few calls, small enough that the thread can do something else in between.
const COPY_BYTES = 1024 * 1024;

/**
 * Writes primary, filelists or other: an opening tag with the count, the groups as they are, a closing tag. Every byte
 * is read, checked, hashed and written once.
 * @param outputDir the file goes to `outputDir/repodata/<sha256>-<type>.xml.<gz or zst>`.
 * @throws AppError INDEX_DAMAGED when a segment is not as it was written.
 */
export async function writeIndexFile(
  type: PackageMetadataType,
  groups: readonly PackageGroup[],
  options: {
    readonly outputDir: string;
    readonly format: IndexFormatName;
    readonly packageCount: number;
    readonly timestampSeconds: number;
  },
): Promise<WrittenFile> {
  const { extension, head, tail } = INDEX_FORMATS[options.format];
  const opening = compressSegment(options.format, Buffer.from(openingTag(type, options.packageCount)));
  const closing = compressSegment(options.format, Buffer.from(closingTag(type)));
  const copied = groups.map(({ segments }) => segments[type]);
  const all = [opening.segment, ...copied, closing.segment];

  // Not in repodata/, all of which is published.
  const temporary = join(options.outputDir, `${type}.part`);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  await using output = await open(temporary, 'w');
  const write = async (bytes: Uint8Array): Promise<void> => {
    const writing = output.writeFile(bytes);
    // While the disk takes the bytes.
    hash.update(bytes);
    sizeBytes += bytes.length;
    await writing;
  };
  await write(Buffer.concat([head, opening.bytes]));
  const groupsOffset = sizeBytes;
  for await (const bytes of readSegments(copied)) await write(bytes);
  await write(Buffer.concat([closing.bytes, tail(all)]));
  // Publishing syncs it again; begun here, while the other files are written, it takes hardly any time.
  await output.datasync();

  const sha256 = hash.digest('hex');
  const href = `repodata/${sha256}-${type}.xml.${extension}`;
  await rename(temporary, join(options.outputDir, href));
  const openSizeBytes = all.reduce((sum, { openBytes }) => sum + openBytes, 0);
  const { timestampSeconds } = options;
  return { groupsOffset, file: { type, href, sha256, sizeBytes, openSizeBytes, timestampSeconds } };
}

/** The bytes of the segments, checked; those that lie side by side are read together. Each piece overwrites the last. */
async function* readSegments(segments: readonly PlacedSegment[]): AsyncGenerator<Uint8Array> {
  const handles = new Map<string, FileHandle>();
  try {
    const extents = mergeExtents(segments);
    const buffer = Buffer.allocUnsafe(Math.max(0, ...extents.map(({ lengthBytes }) => lengthBytes)));
    for (const extent of extents) {
      const handle = handles.get(extent.path) ?? (await open(extent.path, 'r'));
      handles.set(extent.path, handle);
      await closeOldest(handles);
      const { bytesRead } = await handle.read(buffer, 0, extent.lengthBytes, extent.offset);
      const bytes = buffer.subarray(0, bytesRead);
      checkExtent(bytes, extent.segments);
      yield bytes;
    }
  } finally {
    for (const handle of handles.values()) await handle.close();
  }
}

/** A full index comes from hundreds of files, and descriptors are few. */
async function closeOldest(handles: Map<string, FileHandle>): Promise<void> {
  const [oldest] = handles;
  if (oldest === undefined || handles.size <= MAX_OPEN_FILES) return;
  const [path, handle] = oldest;
  handles.delete(path);
  await handle.close();
}

interface Extent {
  readonly path: string;
  readonly offset: number;
  lengthBytes: number;
  readonly segments: Segment[];
}

function mergeExtents(segments: readonly PlacedSegment[]): readonly Extent[] {
  const extents: Extent[] = [];
  for (const segment of segments) {
    const last = extents.at(-1);
    const continues =
      last !== undefined &&
      last.path === segment.path &&
      last.offset + last.lengthBytes === segment.offset &&
      last.lengthBytes < COPY_BYTES;
    if (continues) {
      last.lengthBytes += segment.lengthBytes;
      last.segments.push(segment);
    } else {
      const { path, offset, lengthBytes } = segment;
      extents.push({ path, offset, lengthBytes, segments: [segment] });
    }
  }
  return extents;
}

function checkExtent(bytes: Uint8Array, segments: readonly Segment[]): void {
  let start = 0;
  for (const segment of segments) {
    checkSegment(bytes.subarray(start, start + segment.lengthBytes), segment);
    start += segment.lengthBytes;
  }
}
