import { SignatureTag, Tag } from '../../src/rpm/rpm-parser/tag.ts';
import { TagType, valueBytes } from '../../src/rpm/rpm-parser/tag-type.ts';
import {
  binaryTag,
  type CraftTag,
  craftRpm,
  int32Tag,
  stringArrayTag,
  stringTag,
} from '../support/craft-rpm.ts';
import type { Random } from '../support/random.ts';
import { interestingNumber } from './mutate-bytes.ts';
import { RPM_TEXTS } from './mutate-rpm.ts';
import { readPackageTags } from './read-package-tags.ts';

const STRING_TYPES: readonly number[] = [TagType.STRING, TagType.STRING_ARRAY, TagType.I18NSTRING];
const NUMBER_TYPES: readonly number[] = [TagType.INT8, TagType.INT16, TagType.INT32, TagType.INT64];

/** Of the signature header, what craftRpm computes. */
const COMPUTED: readonly number[] = [
  SignatureTag.SHA1,
  SignatureTag.SHA256,
  SignatureTag.SIZE,
  SignatureTag.MD5,
  SignatureTag.PAYLOADSIZE,
];

/** Tags of both headers whose absence or value decides what rpm makes of a package. */
const WRONG_DIGESTS: readonly CraftTag[] = [
  binaryTag(SignatureTag.MD5, Buffer.alloc(16)),
  stringTag(SignatureTag.SHA1, '0'.repeat(40)),
  stringTag(SignatureTag.SHA256, '0'.repeat(64)),
  stringTag(SignatureTag.SHA256, '0'.repeat(40)),
  stringArrayTag(SignatureTag.SHA256, ['0'.repeat(64)]),
  int32Tag(SignatureTag.SIZE, [12_345]),
  int32Tag(SignatureTag.SIZE, [1, 2]),
  stringArrayTag(Tag.PAYLOADSHA256, ['0'.repeat(64)]),
  stringTag(Tag.PAYLOADSHA256, '0'.repeat(64)),
  stringArrayTag(Tag.PAYLOADSHA256ALT, ['0'.repeat(64)]),
];

/**
 * A package that differs from `input` in a few tags, laid out by the rules and with digests that are right, mostly: programs
 * disagree about what it says and not about its bytes. Undefined when `input` is no package.
 */
export function varyPackage(input: Buffer, random: Random): Buffer | undefined {
  const read = readPackageTags(input);
  if (read === undefined) return undefined;
  let { main } = read;
  for (let changes = 1 + random.below(3); changes > 0; changes--) main = varyTags(main, random);
  const kept = read.signature.filter(({ tag }) => !COMPUTED.includes(tag));
  const wrong = random.below(6) === 0 ? [random.pick(WRONG_DIGESTS)] : [];
  const wrongInMain = wrong.filter(({ tag }) => tag >= Tag.PAYLOADSHA256);
  return craftRpm({
    payload: read.payload,
    hasRegion: random.below(24) === 0 ? !read.hasRegion : read.hasRegion,
    editHeader: () => replaced(main, wrongInMain),
    editSignature: (computed) => {
      const without = computed.filter(() => random.below(10) > 0);
      const varied = random.below(8) === 0 ? varyTags(kept, random) : kept;
      return replaced(
        [...without, ...varied],
        wrong.filter((tag) => !wrongInMain.includes(tag)),
      );
    },
  });
}

function replaced(tags: readonly CraftTag[], replacements: readonly CraftTag[]): readonly CraftTag[] {
  return [...tags.filter(({ tag }) => replacements.every((other) => other.tag !== tag)), ...replacements];
}

function varyTags(tags: readonly CraftTag[], random: Random): readonly CraftTag[] {
  const at = random.below(tags.length);
  const tag = tags[at];
  if (tag === undefined) return tags;
  switch (random.below(8)) {
    case 0:
    case 1:
      return tags.toSpliced(at, 1);
    case 2:
      return tags.toSpliced(at, 0, random.below(2) === 0 ? tag : withOtherValue(tag, random));
    case 3:
      return tags.toSpliced(at, 1, withOtherType(tag, random));
    case 4:
    case 5:
      return tags.toSpliced(at, 1, withOtherLength(tag, random));
    default:
      return tags.toSpliced(at, 1, withOtherValue(tag, random));
  }
}

/** The same values, or what there is room for, under another type of its kind. */
function withOtherType(tag: CraftTag, random: Random): CraftTag {
  const values = valuesOf(tag);
  if (STRING_TYPES.includes(tag.type)) {
    const type = random.pick(STRING_TYPES);
    return encode({ ...tag, type }, type === TagType.STRING ? values.slice(0, 1) : values);
  }
  if (!NUMBER_TYPES.includes(tag.type)) return tag;
  return encode({ ...tag, type: random.pick(NUMBER_TYPES) }, values);
}

/** Fewer values, or more of the same. */
function withOtherLength(tag: CraftTag, random: Random): CraftTag {
  if (tag.type === TagType.STRING)
    return encode({ ...tag, type: TagType.STRING_ARRAY }, [...valuesOf(tag), 'b']);
  const values = valuesOf(tag);
  const shorter = values.slice(0, 1 + random.below(values.length));
  return encode(tag, random.below(2) === 0 ? shorter : [...values, ...shorter]);
}

function withOtherValue(tag: CraftTag, random: Random): CraftTag {
  const values = [...valuesOf(tag)];
  const at = random.below(values.length);
  values[at] = STRING_TYPES.includes(tag.type)
    ? Buffer.from(random.pick(RPM_TEXTS)).toString('latin1')
    : interestingNumber(random);
  return encode(tag, values);
}

type Values = readonly (string | number | bigint)[];

function valuesOf({ type, count, data }: CraftTag): Values {
  if (STRING_TYPES.includes(type)) return data.toString('latin1').split('\0').slice(0, count);
  const size = Math.max(1, valueBytes(type));
  return Array.from({ length: Math.floor(data.length / size) }, (_, index) => readNumber(data, size, index));
}

function readNumber(data: Buffer, size: number, index: number): number | bigint {
  return size === 8 ? data.readBigUInt64BE(8 * index) : data.readUIntBE(size * index, size);
}

function encode(tag: CraftTag, values: Values): CraftTag {
  if (STRING_TYPES.includes(tag.type)) {
    return { ...tag, count: values.length, data: Buffer.from(`${values.join('\0')}\0`, 'latin1') };
  }
  const size = Math.max(1, valueBytes(tag.type));
  const data = Buffer.concat(values.map((value) => numberBytes(BigInt(value), size)));
  return { ...tag, count: values.length, data };
}

function numberBytes(value: bigint, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(8 * size, value));
  return bytes.subarray(8 - size);
}
