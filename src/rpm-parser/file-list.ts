import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { readPaths } from './file-paths.ts';
import { EMPTY_LIST, type LazyList, lazyList } from './lazy-list.ts';
import type { PackagedFile } from './rpm-package.ts';
import { Tag } from './tag.ts';
import { type NumberArray, readNumbers, readStrings, requireParallel, STRING_TYPES } from './tag-array.ts';
import { TagType } from './tag-type.ts';
import { findEntry, hasTag } from './tag-value.ts';

/** Source: stat(2), S_IFMT and S_IFDIR. */
const MODE_TYPE_MASK = 0o170000;
const MODE_DIRECTORY = 0o040000;

/** Source: rpm, include/rpm/rpmfiles.h, RPMFILE_GHOST. */
const FLAG_GHOST = 1 << 6;

/**
 * The files of a package, from BASENAMES, or from OLDFILENAMES in packages older than rpm 4.
 *
 * @throws RpmParseError TAG_MISSING, TAG_INVALID, COUNT_MISMATCH (also for an index outside DIRNAMES),
 *   LIMIT_EXCEEDED when the paths unfold to too much
 */
export function readFiles(header: Header): LazyList<PackagedFile> {
  const baseNames = findEntry(header, Tag.BASENAMES, STRING_TYPES);
  const names = baseNames ?? findEntry(header, Tag.OLDFILENAMES, STRING_TYPES);
  if (names === undefined) return EMPTY_LIST;
  const columns = readColumns(header, names);
  const paths = baseNames === undefined ? () => readStrings(header, names) : readPaths(header, baseNames);
  return lazyList(names.count, () => iterateFiles(paths(), columns));
}

/**
 * The digests of the files, a list of its own because few readers want them and they are long.
 *
 * @throws RpmParseError TAG_MISSING, TAG_INVALID, COUNT_MISMATCH when there are not as many as modes
 */
export function readFileDigests(header: Header): LazyList<string> {
  const modes = findEntry(header, Tag.FILEMODES, [TagType.INT16]);
  if (modes === undefined || !hasTag(header, Tag.FILEDIGESTS)) return EMPTY_LIST;
  const digests = requireParallel(header, modes, Tag.FILEDIGESTS, STRING_TYPES);
  return lazyList(digests.count, () => readStrings(header, digests));
}

interface FileColumns {
  readonly modes: NumberArray;
  readonly flags: NumberArray;
  readonly sizes: NumberArray;
}

function readColumns(header: Header, names: HeaderEntry): FileColumns {
  const modes = requireParallel(header, names, Tag.FILEMODES, [TagType.INT16]);
  const flags = requireParallel(header, names, Tag.FILEFLAGS, [TagType.INT32]);
  return {
    modes: readNumbers(header, modes),
    flags: readNumbers(header, flags),
    sizes: readSizes(header, names),
  };
}

/** Source: rpm, lib/tagexts.cc, longfilesizesTag: the 64-bit sizes when there are any. */
function readSizes(header: Header, names: HeaderEntry): NumberArray {
  if (hasTag(header, Tag.LONGFILESIZES)) {
    const sizes = readNumbers(header, requireParallel(header, names, Tag.LONGFILESIZES, [TagType.INT64]));
    for (let index = 0; index < sizes.length; index++) sizes.at(index);
    return sizes;
  }
  if (!hasTag(header, Tag.FILESIZES)) return { length: names.count, at: () => 0 };
  return readNumbers(header, requireParallel(header, names, Tag.FILESIZES, [TagType.INT32]));
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
