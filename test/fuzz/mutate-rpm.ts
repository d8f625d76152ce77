import { DEPENDENCY_TAGS } from '../../src/rpm/rpm-parser/dependency-list.ts';
import { SignatureTag, Tag } from '../../src/rpm/rpm-parser/tag.ts';
import { TagType, valueBytes } from '../../src/rpm/rpm-parser/tag-type.ts';
import {
  type CraftTag,
  craftRpm,
  DEPENDENCY_KINDS,
  int16Tag,
  int32Tag,
  replaceTags,
  stringArrayTag,
} from '../support/craft-rpm.ts';
import type { Random } from '../support/random.ts';
import { interestingNumber, mutateBytes } from './mutate-bytes.ts';
import { type PackageTags, readPackageTags } from './read-package-tags.ts';

const TAGS = Object.values(Tag);
const SIGNATURE_TAGS = Object.values(SignatureTag);
const TYPES = Object.values(TagType);
const MAX_ITEMS = 12;

/** Strings that mean something somewhere on the way from a header to repodata. */
export const RPM_TEXTS: readonly (string | Uint8Array)[] = [
  '',
  'a',
  '1',
  '0',
  '~',
  '^',
  '-',
  ':',
  '/',
  '//',
  '.',
  '..',
  ' ',
  '\t',
  '\n',
  '\r',
  '\u0001',
  '\u007f',
  '&',
  '<',
  '>',
  '"',
  "'",
  ']]>',
  '<!--',
  '&#0;',
  '&amp;',
  '</package>',
  '<package',
  '\u0080',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\ufffd',
  '\ufffe',
  '\uffff',
  '\u{10ffff}',
  Buffer.from('c080', 'hex'),
  Buffer.from('eda080', 'hex'),
  Buffer.from('f4908080', 'hex'),
  Buffer.from('ff', 'hex'),
  Buffer.from('e9', 'hex'),
  '1:2-3',
  '0:1-1',
  ':1',
  '1:',
  'x:1-2',
  '-1:2',
  '99999999999999999999:1',
  '1.0~rc1',
  '1.0^git1',
  'libc.so.6',
  'libc.so.6(GLIBC_2.34)(64bit)',
  'libc.so.6()',
  'libc.so.6(',
  'libc.so.6(x',
  'rpmlib(FileDigests)',
  '(a if b)',
  '/etc/',
  '/usr/bin/',
  '/usr/lib/sendmail',
  'cpio',
  'drpm',
  'C',
  'x86_64',
  'noarch',
  'a'.repeat(64),
  '0'.repeat(40),
  '0'.repeat(128),
]; // prettier-ignore

/** A package with other tags, laid out by the rules and with digests that are right; undefined when `input` is none. */
export function mutateRpm(input: Buffer, random: Random): Buffer | undefined {
  const read = readPackageTags(input);
  if (read === undefined) return undefined;
  if (random.below(4) === 0) return changeStructure(input, read.ends, random);
  let { main, signature } = read;
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    if (random.below(8) === 0) signature = changeTags(signature, random, SIGNATURE_TAGS);
    else main = random.below(3) === 0 ? replaceList(main, random) : changeTags(main, random, TAGS);
  }
  const kept = signature.filter(({ tag }) => !COMPUTED.includes(tag) || random.below(4) === 0);
  return craftRpm({
    payload: read.payload,
    hasRegion: random.below(16) === 0 ? !read.hasRegion : read.hasRegion,
    editHeader: () => main,
    editSignature: (computed) => replaceTags(...kept)(computed),
  });
}

/** What craftRpm knows better. */
const COMPUTED: readonly number[] = [
  SignatureTag.SHA1,
  SignatureTag.SHA256,
  SignatureTag.SIZE,
  SignatureTag.MD5,
];

/** Another number among the first of a header, which are its sizes, region and index, or in the region's trailer. */
function changeStructure(input: Buffer, ends: PackageTags['ends'], random: Random): Buffer {
  const changed = Buffer.from(input);
  const [start, end] = random.pick(ends);
  const fromStart = start + 4 * random.below(random.pick([8, 64]));
  const at = random.below(4) === 0 ? end - 4 * (1 + random.below(4)) : fromStart;
  changed.writeUInt32BE(interestingNumber(random), Math.min(at, end - 4));
  return changed;
}

function changeTags(
  tags: readonly CraftTag[],
  random: Random,
  known: readonly number[],
): readonly CraftTag[] {
  const at = random.below(tags.length);
  const changed = tags[at];
  if (changed === undefined) return [newTag(random, random.pick(known))];
  switch (random.below(8)) {
    case 0:
      return tags.toSpliced(at, 1);
    case 1:
      return tags.toSpliced(at, 0, changed);
    case 2:
      return tags.toSpliced(at, 1, { ...changed, tag: random.pick(known) });
    case 3:
      return tags.toSpliced(at, 1, { ...changed, type: random.pick(TYPES) });
    case 4:
      return tags.toSpliced(at, 1, { ...changed, count: interestingNumber(random) });
    case 5:
      return [...tags, newTag(random, random.pick(known))];
    default:
      return tags.toSpliced(at, 1, changeValues(changed, random));
  }
}

/** A tag with values of any type. */
function newTag(random: Random, tag: number): CraftTag {
  const type = random.pick(TYPES);
  const size = valueBytes(type);
  if (size === 0) {
    return { ...stringArrayTag(tag, texts(type === TagType.STRING ? 1 : 1 + random.below(4), random)), type };
  }
  const count = 1 + random.below(4);
  const data = Buffer.alloc(size * count);
  for (let at = 0; at < data.length; at++) data[at] = random.pick([0, 1, 8, 0x7f, 0x80, 0xff]);
  return { tag, type, count, data };
}

/** Other values of the same type, and mostly as many as there are said to be. */
function changeValues(tag: CraftTag, random: Random): CraftTag {
  const size = valueBytes(tag.type);
  if (size === 0 && random.below(2) === 0) {
    return {
      ...stringArrayTag(tag.tag, texts(tag.count > MAX_ITEMS ? 1 : tag.count, random)),
      type: tag.type,
    };
  }
  const data = mutateBytes(tag.data, tag.data, {
    random,
    dictionary: RPM_TEXTS.map((text) => Buffer.from(text)),
  });
  if (size > 0) {
    const count = Math.max(1, Math.floor(data.length / size));
    return { ...tag, count, data: Buffer.concat([data, Buffer.alloc(size)]).subarray(0, size * count) };
  }
  const terminated = Buffer.concat([data, Buffer.alloc(1)]);
  if (tag.type === TagType.STRING) {
    return { ...tag, data: Buffer.from(terminated.subarray(0, terminated.indexOf(0) + 1)) };
  }
  return { ...tag, count: terminated.filter((byte) => byte === 0).length, data: terminated };
}

/** Another list of one kind, in arrays that belong together. */
function replaceList(tags: readonly CraftTag[], random: Random): readonly CraftTag[] {
  const length = 1 + random.below(MAX_ITEMS);
  const numbers = (): readonly number[] => Array.from({ length }, () => interestingNumber(random));
  switch (random.below(4)) {
    case 0:
      return replaceTags(
        int32Tag(Tag.CHANGELOGTIME, numbers()),
        stringArrayTag(Tag.CHANGELOGNAME, texts(length, random)),
        stringArrayTag(Tag.CHANGELOGTEXT, texts(length, random)),
      )(tags);
    case 1: {
      const directories = 1 + random.below(3);
      return replaceTags(
        stringArrayTag(Tag.BASENAMES, texts(length, random)),
        stringArrayTag(Tag.DIRNAMES, texts(directories, random)),
        int32Tag(
          Tag.DIRINDEXES,
          numbers().map((number) => number % (directories + (random.below(64) === 0 ? 1 : 0))),
        ),
        int16Tag(
          Tag.FILEMODES,
          numbers().map((number) => number % 2 ** 16),
        ),
        int32Tag(Tag.FILEFLAGS, numbers()),
        int32Tag(Tag.FILESIZES, numbers()),
        stringArrayTag(Tag.FILEDIGESTS, texts(length, random)),
      )(tags);
    }
    default: {
      const { name, version, flags } = DEPENDENCY_TAGS[random.pick(DEPENDENCY_KINDS)];
      return replaceTags(
        stringArrayTag(name, texts(length, random)),
        stringArrayTag(version, texts(length, random)),
        int32Tag(
          flags,
          numbers().map((number) => number | (random.below(2) === 0 ? 8 : 0)),
        ),
      )(tags);
    }
  }
}

function texts(length: number, random: Random): readonly Uint8Array[] {
  return Array.from({ length }, () => {
    const parts = Array.from({ length: random.below(4) }, () => Buffer.from(random.pick(RPM_TEXTS)));
    return Buffer.concat(parts);
  });
}
