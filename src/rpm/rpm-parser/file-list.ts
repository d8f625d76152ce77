import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { readPaths } from './file-paths.ts';
import { EMPTY_LIST, type LazyList, lazyList } from './lazy-list.ts';
import type { PackagedFile } from './rpm-package.ts';
import { Tag } from './tag.ts';
import {
  NUMBER_TYPES,
  type NumberArray,
  readNumbers,
  readStrings,
  requireParallel,
  valueCount,
} from './tag-array.ts';
import { STRING_TYPES, TagType } from './tag-type.ts';
import { findEntry, hasTag } from './tag-value.ts';

/** Source: stat(2), S_IFMT and S_IFDIR. */
const MODE_TYPE_MASK = 0o170000;
const MODE_DIRECTORY = 0o040000;

/** Source: rpm, include/rpm/rpmfiles.h, RPMFILE_GHOST. */
const FLAG_GHOST = 1 << 6;

/**
 * The files of a package that repodata names, from BASENAMES, or from OLDFILENAMES in packages older than rpm 4. None without
 * FILEFLAGS, or with more directories than files: rpm installs such a package, and createrepo_c names no file of it.
 *
 * Source: createrepo_c, src/parsehdr.c, cr_package_from_header; rpm, lib/tagexts.cc, fnTag.
 *
 * @throws RpmParseError TAG_MISSING, TAG_INVALID, COUNT_MISMATCH (also for an index outside DIRNAMES),
 *   LIMIT_EXCEEDED when the paths unfold to too much
 */
export function readFiles(header: Header): LazyList<PackagedFile> {
  const baseNames = findEntry(header, Tag.BASENAMES, [TagType.STRING_ARRAY]);
  const names = baseNames ?? findEntry(header, Tag.OLDFILENAMES, STRING_TYPES);
  if (names === undefined) return EMPTY_LIST;
  const paths = baseNames === undefined ? () => readStrings(header, names) : readPaths(header, baseNames);
  const columns = readColumns(header, names);
  const directoryCount = header.entries.get(Tag.DIRNAMES)?.count ?? 0;
  if (columns === undefined || directoryCount > names.count) return EMPTY_LIST;
  return lazyList(valueCount(names), () => iterateFiles(paths(), columns));
}

/**
 * The digests of the files, a list of its own because few readers want them and they are long.
 *
 * @throws RpmParseError TAG_INVALID for a wrong type or a tag that occurs twice
 */
export function readFileDigests(header: Header): LazyList<string> {
  const digests = findEntry(header, Tag.FILEDIGESTS, STRING_TYPES);
  return digests === undefined
    ? EMPTY_LIST
    : lazyList(valueCount(digests), () => readStrings(header, digests));
}

interface FileColumns {
  readonly modes: NumberArray;
  readonly flags: NumberArray;
  readonly sizes: NumberArray;
}

/** Undefined without FILEFLAGS. */
function readColumns(header: Header, names: HeaderEntry): FileColumns | undefined {
  const modes = requireParallel(header, names, Tag.FILEMODES, NUMBER_TYPES);
  if (!hasTag(header, Tag.FILEFLAGS)) return undefined;
  const flags = requireParallel(header, names, Tag.FILEFLAGS, NUMBER_TYPES);
  return {
    modes: readNumbers(header, modes),
    flags: readNumbers(header, flags),
    sizes: readSizes(header, names),
  };
}

/** Source: rpm, lib/tagexts.cc, longfilesizesTag: the 64-bit sizes when there are any. */
function readSizes(header: Header, names: HeaderEntry): NumberArray {
  if (hasTag(header, Tag.LONGFILESIZES)) {
    const sizes = readNumbers(header, requireParallel(header, names, Tag.LONGFILESIZES, NUMBER_TYPES));
    for (let index = 0; index < sizes.length; index++) sizes.at(index);
    return sizes;
  }
  if (!hasTag(header, Tag.FILESIZES)) return { length: names.count, at: () => 0 };
  return readNumbers(header, requireParallel(header, names, Tag.FILESIZES, NUMBER_TYPES));
}

function* iterateFiles(paths: Iterable<string>, columns: FileColumns): Generator<PackagedFile, undefined> {
  let index = 0;
  for (const path of paths) {
    const mode = columns.modes.at(index);
    const flags = columns.flags.at(index);
    yield { path, mode, flags, sizeBytes: columns.sizes.at(index), kind: fileKind(mode, flags) };
    index++;
  }
}

/** Source: createrepo_c, src/parsehdr.c, cr_package_from_header: a directory first, then a ghost. */
function fileKind(mode: number, flags: number): PackagedFile['kind'] {
  if ((mode & MODE_TYPE_MASK) === MODE_DIRECTORY) return 'dir';
  return (flags & FLAG_GHOST) === 0 ? 'file' : 'ghost';
}
