import type { Random } from '../support/random.ts';

/** Mostly small, and large enough that lists of a few dozen entries fit. */
export const MAX_INPUT_BYTES = 16 * 1024;

const NUMBERS = [
  0, 1, 2, 3, 4, 7, 8, 9, 10, 15, 16, 31, 32, 33, 63, 64, 100, 127, 128, 255, 256, 1000, 1024, 0x7fff, 0x8000,
  0xffff, 0x10000, 0xfffff, 0x100000, 0xffffff, 0x1000000, 0x0fffffff, 0x7fffffff, 0x80000000, 0xfffffff0,
  0xffffffff,
];

const BLOCK_BYTES = 64;

/** Changes an input without knowing what it means. `other` lends it pieces. */
export function mutateBytes(input: Buffer, other: Buffer, tools: ByteMutation): Buffer {
  const { random } = tools;
  let bytes: Buffer = Buffer.from(input);
  for (let changes = 1 << random.below(5); changes > 0; changes--) {
    bytes = random.pick(CHANGES)(bytes.length === 0 ? Buffer.alloc(1) : bytes, other, tools);
  }
  return bytes.subarray(0, MAX_INPUT_BYTES);
}

export interface ByteMutation {
  readonly random: Random;
  readonly dictionary: readonly Uint8Array[];
}

/** One of the numbers at which programs go wrong. */
export function interestingNumber(random: Random): number {
  return random.below(4) === 0 ? random.below(2 ** 32) : random.pick(NUMBERS);
}

type Change = (bytes: Buffer, other: Buffer, tools: ByteMutation) => Buffer;

const CHANGES: readonly Change[] = [
  (bytes, _other, { random }) => {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    return bytes;
  },
  (bytes, _other, { random }) => {
    bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  (bytes, _other, { random }) => {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) + 1 + random.below(16) - 8;
    return bytes;
  },
  (bytes, _other, { random }) => writeNumber(bytes, interestingNumber(random), random),
  (bytes, _other, { random }) => {
    const [start, end] = block(bytes.length, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  (bytes, _other, { random }) => {
    const [start, end] = block(bytes.length, random);
    return insert(bytes, random.below(bytes.length + 1), bytes.subarray(start, end));
  },
  (bytes, _other, { random }) => {
    const [start, end] = block(bytes.length, random);
    bytes.copyWithin(random.below(bytes.length), start, end);
    return bytes;
  },
  (bytes, _other, { random }) => {
    const filler = Buffer.alloc(1 + random.below(BLOCK_BYTES), random.below(256));
    return insert(bytes, random.below(bytes.length + 1), filler);
  },
  (bytes, other, { random }) => {
    if (other.length === 0) return bytes;
    const [start, end] = block(other.length, random);
    return insert(bytes, random.below(bytes.length + 1), other.subarray(start, end));
  },
  (bytes, other, { random }) =>
    Buffer.concat([
      bytes.subarray(0, random.below(bytes.length + 1)),
      other.subarray(random.below(other.length + 1)),
    ]),
  insertToken,
  insertToken,
  (bytes, _other, { random, dictionary }) => {
    if (dictionary.length > 0) bytes.set(fitting(random.pick(dictionary), bytes), 0);
    return bytes;
  },
  (bytes, _other, { random, dictionary }) => {
    if (dictionary.length === 0) return bytes;
    const at = random.below(bytes.length);
    bytes.set(fitting(random.pick(dictionary), bytes.subarray(at)), at);
    return bytes;
  },
];

function insertToken(bytes: Buffer, _other: Buffer, { random, dictionary }: ByteMutation): Buffer {
  if (dictionary.length === 0) return bytes;
  return insert(bytes, random.below(bytes.length + 1), random.pick(dictionary));
}

function insert(bytes: Buffer, at: number, inserted: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}

function fitting(token: Uint8Array, room: Uint8Array): Uint8Array {
  return token.subarray(0, room.length);
}

function block(length: number, random: Random): readonly [start: number, end: number] {
  const start = random.below(length);
  const longest = random.below(4) === 0 ? length - start : Math.min(BLOCK_BYTES, length - start);
  return [start, start + 1 + random.below(longest)];
}

function writeNumber(bytes: Buffer, number: number, random: Random): Buffer {
  const size = random.pick([1, 2, 4]);
  if (bytes.length < size) return bytes;
  const value = size === 4 ? number : number % 2 ** (8 * size);
  const at = random.below(bytes.length - size + 1);
  if (random.below(2) === 0) bytes.writeUIntBE(value, at, size);
  else bytes.writeUIntLE(value, at, size);
  return bytes;
}
