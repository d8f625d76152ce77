import { DEPENDENCY_TAGS } from '../../src/rpm/rpm-parser/dependency-list.ts';
import { Tag } from '../../src/rpm/rpm-parser/tag.ts';
import { TagType, valueBytes } from '../../src/rpm/rpm-parser/tag-type.ts';
import type { CraftTag } from '../support/craft-rpm.ts';
import type { PackageTags } from './read-package-tags.ts';

/** A package about which this parser and the real programs disagree. */
export interface Disagreement {
  readonly tags: PackageTags;
  /** The code of the refusal here; undefined for what is taken here. */
  readonly code: string | undefined;
  /** rpm verifies it and createrepo_c indexes it. */
  readonly isTakenThere: boolean;
}

/** Why a package may be refused here that rpm verifies and createrepo_c indexes; each with what must be true of its tags. */
export const RPM_DEVIATIONS: readonly {
  readonly reason: string;
  readonly applies: (disagreement: Disagreement) => boolean;
}[] = [
  {
    reason: 'no rpm installs a package without one name, version, release and architecture',
    applies: ({ tags }) => IDENTITY.some((tag) => !isOneText(find(tags, tag))),
  },
  {
    reason: 'two programs need not agree on which of two values of a tag counts',
    applies: ({ tags, code }) => code === 'RPM_MALFORMED' && tags.repeated.size > 0,
  },
  {
    reason:
      'no rpm installs files whose lists do not belong together, or that have no owners, digests or absolute paths',
    applies: ({ tags, code }) => code === 'RPM_MALFORMED' && hasUninstallableFiles(tags),
  },
  {
    reason: 'a payload that is no cpio archive is no package to install',
    applies: ({ tags, code }) =>
      code === 'RPM_PAYLOAD_UNSUPPORTED' && textsOf(find(tags, Tag.PAYLOADFORMAT))[0] !== 'cpio',
  },
  {
    reason: 'text that XML cannot hold, or that no one can compare',
    applies: ({ tags, code }) => code === 'TEXT_NOT_XML' && tags.main.some(hasOddBytes),
  },
  {
    reason: 'dependencies that crash dnf and zypper',
    applies: ({ tags, code }) =>
      code === 'DEPENDENCY_INVALID' && DEPENDENCY_NAMES.some((tag) => textsOf(find(tags, tag)).length > 0),
  },
  {
    reason: 'no rpm installs a package of an architecture that it does not know',
    applies: ({ tags, code }) =>
      code === 'ARCH_UNKNOWN' &&
      !INSTALLED_ARCHES.split(' ').includes(textsOf(find(tags, Tag.ARCH))[0] ?? ''),
  },
  {
    reason: 'no rpm installs a package of another operating system, or of none',
    applies: ({ tags, code }) => {
      const system = find(tags, Tag.OS);
      const isLinux = isOneText(system) && textsOf(system)[0]?.toLowerCase() === 'linux';
      return code === 'OS_FOREIGN' && !isLinux;
    },
  },
  {
    reason: 'a format that is not known here',
    applies: ({ tags }) => {
      const format = find(tags, Tag.RPMFORMAT);
      return format !== undefined && ![4, 6].includes(numbersOf(format)[0] ?? 0);
    },
  },
  {
    reason: 'rpm 6 checks what rpm 4.18 does not know',
    applies: ({ tags }) =>
      tags.main.some(({ tag }) => RPM_6_TAGS.includes(tag)) ||
      tags.signature.some(({ tag }) => RPM_6_SIGNATURE_TAGS.includes(tag)),
  },
  {
    reason: 'a number above 2^53 - 1',
    applies: ({ tags }) => [...tags.main, ...tags.signature].some(hasHugeNumber),
  },
  {
    reason: 'without a region rpm compares no types, and reads nonsense or crashes',
    applies: ({ tags }) => !tags.hasRegion && tags.main.some(isOfOddType),
  },
  {
    reason: 'a list of paths that rpm crashes on unless it is an array',
    applies: ({ tags }) =>
      [Tag.BASENAMES, Tag.DIRNAMES].some(
        (tag) => (find(tags, tag)?.type ?? TagType.STRING_ARRAY) !== TagType.STRING_ARRAY,
      ),
  },
];

const IDENTITY: readonly number[] = [Tag.NAME, Tag.VERSION, Tag.RELEASE, Tag.ARCH];
/** What packages in the wild are built for; some hosts install each. */
const INSTALLED_ARCHES =
  'noarch x86_64 x86_64_v2 x86_64_v3 x86_64_v4 i386 i486 i586 i686 athlon aarch64 armv5tel armv6hl armv7l armv7hl armv7hnl ' +
  'ppc ppc64 ppc64p7 ppc64le s390 s390x riscv64 loongarch64 mips64el sparcv9 sparc64 ia64 alpha';
const STRING_TYPES: readonly number[] = [TagType.STRING, TagType.STRING_ARRAY, TagType.I18NSTRING];
const DEPENDENCY_NAMES = Object.values(DEPENDENCY_TAGS).map(({ name }) => name);
const RPM_6_TAGS: readonly number[] = [
  Tag.PAYLOADSIZE,
  Tag.PAYLOADSHA512,
  Tag.PAYLOADSHA512ALT,
  Tag.PAYLOADSHA3_256,
  Tag.PAYLOADSHA3_256ALT,
  Tag.OPENPGP,
  Tag.SHA3_256HEADER,
];
/** OPENPGP and SHA3_256. */
const RPM_6_SIGNATURE_TAGS: readonly number[] = [278, 279];

/** As long as the list of files, where they are there. */
const FILE_LISTS: readonly number[] = [
  Tag.FILEMODES,
  Tag.FILEFLAGS,
  Tag.FILESIZES,
  Tag.LONGFILESIZES,
  Tag.FILEMTIMES,
  Tag.FILERDEVS,
  Tag.FILEINODES,
  Tag.FILECOLORS,
  Tag.FILECLASS,
  Tag.FILEUSERNAME,
  Tag.FILEGROUPNAME,
  Tag.FILEDIGESTS,
  Tag.DIRINDEXES,
];
const NEEDED_FILE_LISTS: readonly number[] = [
  Tag.FILEMODES,
  Tag.FILEUSERNAME,
  Tag.FILEGROUPNAME,
  Tag.FILEDIGESTS,
  Tag.DIRINDEXES,
  Tag.DIRNAMES,
];

function find({ main }: PackageTags, wanted: number): CraftTag | undefined {
  return main.find(({ tag }) => tag === wanted);
}

function textsOf(tag: CraftTag | undefined): readonly string[] {
  if (tag === undefined || !STRING_TYPES.includes(tag.type)) return [];
  return tag.data.toString('latin1').split('\0').slice(0, tag.count);
}

function numbersOf(tag: CraftTag | undefined): readonly number[] {
  if (tag === undefined || STRING_TYPES.includes(tag.type)) return [];
  const size = valueBytes(tag.type);
  return Array.from({ length: tag.count }, (_, index) =>
    size === 8 ? Number(tag.data.readBigUInt64BE(8 * index)) : tag.data.readUIntBE(size * index, size),
  );
}

function isOneText(tag: CraftTag | undefined): boolean {
  return textsOf(tag).length === 1;
}

function hasUninstallableFiles(tags: PackageTags): boolean {
  const names = find(tags, Tag.BASENAMES) ?? find(tags, Tag.OLDFILENAMES);
  if (names === undefined) return false;
  const isMissing = NEEDED_FILE_LISTS.some((tag) => find(tags, tag) === undefined);
  const isUnequal = FILE_LISTS.some((tag) => (find(tags, tag)?.count ?? names.count) !== names.count);
  const directories = textsOf(find(tags, Tag.DIRNAMES));
  const isOutside = numbersOf(find(tags, Tag.DIRINDEXES)).some((index) => index >= directories.length);
  const isRelative = directories.some((directory) => !directory.startsWith('/'));
  return isMissing || isUnequal || isOutside || isRelative || hasOddDigests(tags);
}

/** Not all regular files have a digest of the length that belongs to the algorithm. */
function hasOddDigests(tags: PackageTags): boolean {
  const lengths: Readonly<Record<number, number>> = { 2: 40, 8: 64, 9: 96, 10: 128, 11: 56, 12: 64, 14: 128 };
  const [algorithm = 1] = numbersOf(find(tags, Tag.FILEDIGESTALGO));
  const modes = numbersOf(find(tags, Tag.FILEMODES));
  const entry = find(tags, Tag.FILEDIGESTS);
  if (entry?.type !== TagType.STRING_ARRAY) return modes.some((mode) => (mode & 0o170000) === 0o100000);
  const digests = textsOf(entry);
  return digests.some(
    (digest, index) =>
      digest.length !== (lengths[algorithm] ?? 32) && ((modes[index] ?? 0) & 0o170000) === 0o100000,
  );
}

function hasOddBytes(tag: CraftTag): boolean {
  return textsOf(tag).some((text) => /[^ -~]/.test(text));
}

function hasHugeNumber(tag: CraftTag): boolean {
  return tag.type === TagType.INT64 && numbersOf(tag).some((value) => value > Number.MAX_SAFE_INTEGER);
}

/** A list of text where numbers belong, or the other way round. */
function isOfOddType({ tag, type }: CraftTag): boolean {
  const isText = STRING_TYPES.includes(type);
  const numbers = [
    Tag.CHANGELOGTIME,
    Tag.EPOCH,
    Tag.BUILDTIME,
    Tag.SIZE,
    Tag.FILEFLAGS,
    Tag.FILEMODES,
    Tag.DIRINDEXES,
  ];
  const flags = Object.values(DEPENDENCY_TAGS).map((known) => known.flags);
  if (!isText) return DEPENDENCY_NAMES.includes(tag);
  // rpm reads no names in a list of translations.
  return [...numbers, ...flags, ...(type === TagType.I18NSTRING ? DEPENDENCY_NAMES : [])].includes(tag);
}
