import { digestAlgorithm, hexLength } from './digest-algorithm.ts';
import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { isSourcePackage } from './is-source-package.ts';
import { Tag, tagName } from './tag.ts';
import { readNumbers, stringOffsets } from './tag-array.ts';
import { TagType } from './tag-type.ts';
import { readNumber } from './tag-value.ts';

/** What rpm must have for each file. Source: rpm, lib/rpmfi.cc, rpmfilesPopulate. */
const OWNER_TAGS: readonly number[] = [Tag.FILEUSERNAME, Tag.FILEGROUPNAME];

/** What may be absent, but not shorter or longer than the list of files. Source: as above, _hgfi. */
const PARALLEL_TAGS: readonly number[] = [
  Tag.FILEMTIMES,
  Tag.FILERDEVS,
  Tag.FILEINODES,
  Tag.FILECOLORS,
  Tag.FILECLASS,
];

/** Source: stat(2), S_IFMT and S_IFREG; rpm, include/rpm/rpmfiles.h, RPMFILE_GHOST. */
const MODE_TYPE_MASK = 0o170000;
const MODE_REGULAR = 0o100000;
const FLAG_GHOST = 1 << 6;

/** MD5, also for a number that rpm does not know. Source: rpm, lib/rpmfi.cc, rpmfilesPopulate. */
const DEFAULT_ALGORITHM = 'md5';
const SLASH = 0x2f;

/**
 * Why no rpm installs a package that it reads and verifies, as far as the header tells: `rpm -i` of 4.18 was asked for each of
 * these. Undefined when nothing speaks against it.
 *
 * @param main whose file list has been read, so that what belongs to it has as many values as there are files
 */
export function findInstallDefect(main: Header): string | undefined {
  const names = main.entries.get(Tag.BASENAMES) ?? main.entries.get(Tag.OLDFILENAMES);
  if (names === undefined) return undefined;
  return (
    findOwnerDefect(main, names) ??
    findLengthDefect(main, names) ??
    findDirectoryDefect(main) ??
    findFileDigestDefect(main, names)
  );
}

function findOwnerDefect(main: Header, names: HeaderEntry): string | undefined {
  for (const tag of OWNER_TAGS) {
    const found = main.entries.get(tag)?.count ?? 0;
    if (found !== names.count) return `${tagName('main', tag)} has ${found} values for ${names.count} files`;
  }
  return undefined;
}

function findLengthDefect(main: Header, names: HeaderEntry): string | undefined {
  for (const tag of PARALLEL_TAGS) {
    const entry = main.entries.get(tag);
    if (entry === undefined || entry.count === names.count) continue;
    return `${tagName('main', tag)} has ${entry.count} values for ${names.count} files`;
  }
  return undefined;
}

/** rpm ends with a fault of memory. */
function findDirectoryDefect(main: Header): string | undefined {
  const directories = main.entries.get(Tag.DIRNAMES);
  if (directories === undefined || isSourcePackage(main)) return undefined;
  const offsets = stringOffsets(main, directories);
  for (let index = 0; index < directories.count; index++) {
    if (main.bytes[offsets[index] ?? 0] !== SLASH)
      return `DIRNAMES (entry ${index}) does not begin with a slash`;
  }
  return undefined;
}

/** rpm compares the digest of every regular file it unpacks, and takes none for a wrong one. Source: rpm, lib/rpmfi.cc, rpmfiArchiveReadToFilePsm. */
function findFileDigestDefect(main: Header, names: HeaderEntry): string | undefined {
  const regular = findRegularFiles(main, names);
  const [first] = regular;
  if (first === undefined) return undefined;
  const digests = main.entries.get(Tag.FILEDIGESTS);
  const count = digests?.type === TagType.STRING_ARRAY ? digests.count : 0;
  if (digests === undefined || count !== names.count) {
    return `FILEDIGESTS is a list of ${count} for ${names.count} files`;
  }
  const algorithm = digestAlgorithm(readNumber(main, Tag.FILEDIGESTALGO) ?? 1) ?? DEFAULT_ALGORITHM;
  const offsets = stringOffsets(main, digests);
  const lengthOf = (index: number): number => (offsets[index + 1] ?? 0) - (offsets[index] ?? 0) - 1;
  const wrong = regular.find((index) => lengthOf(index) !== hexLength(algorithm));
  if (wrong === undefined) return undefined;
  const found = `has ${lengthOf(wrong)} characters, expected are the ${hexLength(algorithm)} of ${algorithm}`;
  return `FILEDIGESTS (entry ${wrong}) ${found}, which FILEDIGESTALGO names`;
}

/** The indexes of the files that the payload holds the content of. */
function findRegularFiles(main: Header, names: HeaderEntry): readonly number[] {
  const modeEntry = main.entries.get(Tag.FILEMODES);
  if (modeEntry === undefined) return [];
  const modes = readNumbers(main, modeEntry);
  const flagEntry = main.entries.get(Tag.FILEFLAGS);
  const flags = flagEntry && readNumbers(main, flagEntry);
  const indexes: number[] = [];
  for (let index = 0; index < names.count; index++) {
    const isGhost = ((flags?.at(index) ?? 0) & FLAG_GHOST) !== 0;
    if ((modes.at(index) & MODE_TYPE_MASK) === MODE_REGULAR && !isGhost) indexes.push(index);
  }
  return indexes;
}
