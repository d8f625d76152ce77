import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { RpmParseError } from './rpm-parse-error.ts';
import { Tag } from './tag.ts';
import {
  NUMBER_TYPES,
  type NumberArray,
  readNumbers,
  readStrings,
  requireParallel,
  stringOffsets,
} from './tag-array.ts';
import { TagType } from './tag-type.ts';
import { findEntry, missingTag } from './tag-value.ts';
import { decodeText } from './text.ts';

/**
 * What all paths together may come to. A header names each directory once, so one of a few megabytes could
 * unfold to terabytes of paths; the largest real packages stay below 100 MiB.
 */
const MAX_PATHS_BYTES = 64 * 1024 * 1024;

interface Directories {
  /** Of each file, which directory it is in; all below the number of directories. */
  readonly indexes: NumberArray;
  readonly offsets: Uint32Array;
}

/**
 * The paths of BASENAMES with the directories they are in; the function starts over each time it is called.
 *
 * @throws RpmParseError TAG_MISSING, TAG_INVALID, COUNT_MISMATCH also for an index outside DIRNAMES,
 *   LIMIT_EXCEEDED when the paths unfold to too much
 */
export function readPaths(header: Header, baseNames: HeaderEntry): () => Iterable<string> {
  const directories = readDirectories(header, baseNames);
  // Whether a path is UTF-8 is asked of the whole of it. Source: createrepo_c, src/xml_dump.c, cr_xml_dump_files.
  const isAskedOfWhole =
    hasSpecialBytes(header, baseNames) && hasSpecialBytes(header, header.entries.get(Tag.DIRNAMES));
  if (isAskedOfWhole) return () => iterateWholePaths(header, baseNames, directories);
  return () => iteratePaths(header, baseNames, directories);
}

function hasSpecialBytes({ bytes }: Header, entry: HeaderEntry | undefined): boolean {
  if (entry === undefined) return false;
  return bytes.subarray(entry.start, entry.end).some((byte) => byte >= 0x80);
}

function readDirectories(header: Header, baseNames: HeaderEntry): Directories {
  const indexEntry = requireParallel(header, baseNames, Tag.DIRINDEXES, NUMBER_TYPES);
  const directoryNames = findEntry(header, Tag.DIRNAMES, [TagType.STRING_ARRAY]);
  if (directoryNames === undefined) throw missingTag(header, Tag.DIRNAMES);
  const indexes = readNumbers(header, indexEntry);
  const offsets = stringOffsets(header, directoryNames);
  let pathsBytes = baseNames.end - baseNames.start;
  for (let file = 0; file < indexes.length; file++) {
    const index = indexes.at(file);
    if (index >= directoryNames.count) {
      const expected = `expected DIRINDEXES below ${directoryNames.count}, the number of DIRNAMES`;
      throw new RpmParseError('COUNT_MISMATCH', `${expected}, found ${index}`, indexEntry.start + 4 * file);
    }
    pathsBytes += (offsets[index + 1] ?? 0) - (offsets[index] ?? 0);
  }
  if (pathsBytes > MAX_PATHS_BYTES) {
    const expected = `expected file paths of at most ${MAX_PATHS_BYTES} bytes in all`;
    throw new RpmParseError('LIMIT_EXCEEDED', `${expected}, found ${pathsBytes}`, directoryNames.start);
  }
  return { indexes, offsets };
}

/** Of names in the directories and below them that may be UTF-8 or not. */
function* iterateWholePaths(
  header: Header,
  baseNames: HeaderEntry,
  { indexes, offsets }: Directories,
): Generator<string, undefined> {
  const baseOffsets = stringOffsets(header, baseNames);
  for (let file = 0; file < baseNames.count; file++) {
    const index = indexes.at(file);
    const path = Buffer.concat([stringAt(header, offsets, index), stringAt(header, baseOffsets, file)]);
    yield decodeText(path, 0, path.length);
  }
}

function stringAt({ bytes }: Header, offsets: Uint32Array, index: number): Uint8Array {
  return bytes.subarray(offsets[index] ?? 0, (offsets[index + 1] ?? 1) - 1);
}

function* iteratePaths(
  header: Header,
  baseNames: HeaderEntry,
  { indexes, offsets }: Directories,
): Generator<string, undefined> {
  let file = 0;
  let decodedIndex = -1;
  let directory = '';
  for (const baseName of readStrings(header, baseNames)) {
    const index = indexes.at(file++);
    // Files are sorted by path, so most share the directory of the one before.
    if (index !== decodedIndex) {
      directory = decodeText(header.bytes, offsets[index] ?? 0, (offsets[index + 1] ?? 1) - 1);
      decodedIndex = index;
    }
    yield directory + baseName;
  }
}
