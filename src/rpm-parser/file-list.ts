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

interface FileColumns {
  readonly modes: NumberArray;
  readonly flags: NumberArray;
  readonly sizes: NumberArray;
  readonly digests: () => Iterator<string>;
}

function readColumns(header: Header, names: HeaderEntry): FileColumns {
  const modes = requireParallel(header, names, Tag.FILEMODES, [TagType.INT16]);
  const flags = requireParallel(header, names, Tag.FILEFLAGS, [TagType.INT32]);
  const digests = hasTag(header, Tag.FILEDIGESTS)
    ? requireParallel(header, names, Tag.FILEDIGESTS, STRING_TYPES)
    : undefined;
  return {
    modes: readNumbers(header, modes),
    flags: readNumbers(header, flags),
    sizes: readSizes(header, names),
    digests: () => (digests === undefined ? [].values() : readStrings(header, digests)),
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
  const digests = columns.digests();
  let index = 0;
  for (const path of paths) {
    const mode = columns.modes.at(index);
    const flags = columns.flags.at(index);
    const digest = digests.next().value ?? '';
    yield { path, mode, flags, sizeBytes: columns.sizes.at(index), digest, kind: fileKind(mode, flags) };
    index++;
  }
}

/** Source: createrepo_c, src/parsehdr.c, cr_package_from_header: a directory first, then a ghost. */
function fileKind(mode: number, flags: number): PackagedFile['kind'] {
  if ((mode & MODE_TYPE_MASK) === MODE_DIRECTORY) return 'dir';
  return (flags & FLAG_GHOST) === 0 ? 'file' : 'ghost';
}
