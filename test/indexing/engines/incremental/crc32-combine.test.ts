import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32Combine } from '../../../../src/indexing/engines/incremental/crc32-combine.ts';
import { createRandom } from '../../../support/random.ts';

const GIB = 2 ** 30;

/** The CRC-32 of so many zero bytes after a text, from pieces that fit into memory. */
function crcOfZeros(first: number, zeroBytes: number): number {
  const piece = Buffer.alloc(64 * 1024 * 1024);
  let crc = first;
  for (let left = zeroBytes; left > 0; left -= piece.length) crc = crc32(piece.subarray(0, left), crc);
  return crc;
}

describe('the CRC-32 of two texts one after the other', () => {
  it('is that of the whole, wherever it is cut', () => {
    const random = createRandom(1);
    for (let round = 0; round < 300; round += 1) {
      const text = Buffer.from(Array.from({ length: random.below(2000) }, () => random.below(256)));
      const cut = random.below(text.length + 1);
      const first = text.subarray(0, cut);
      const second = text.subarray(cut);
      expect([round, crc32Combine(crc32(first), crc32(second), second.length)]).toEqual([round, crc32(text)]);
    }
  });

  it('is that of either when the other one is empty', () => {
    expect(crc32Combine(crc32('text'), crc32(''), 0)).toBe(crc32('text'));
    expect(crc32Combine(crc32(''), crc32('text'), 4)).toBe(crc32('text'));
  });

  it('does not depend on the order in which three are put together', () => {
    const [a, b, c] = ['first', 'the second one', 'third'] as const;
    const left = crc32Combine(crc32Combine(crc32(a), crc32(b), b.length), crc32(c), c.length);
    const right = crc32Combine(crc32(a), crc32Combine(crc32(b), crc32(c), c.length), b.length + c.length);
    expect(left).toBe(right);
    expect(left).toBe(crc32(a + b + c));
  });

  it('is right for a second text of 1 GiB', () => {
    const zeros = crcOfZeros(0, GIB);
    expect(crc32Combine(crc32('start'), zeros, GIB)).toBe(crcOfZeros(crc32('start'), GIB));
  });

  it('is right for a second text of more than 4 GiB, as four of 1 GiB and a rest show', () => {
    const rest = crc32('rest!');
    const gib = crcOfZeros(0, GIB);
    let crc = crc32('start');
    let second = 0;
    for (let count = 0; count < 4; count += 1) {
      crc = crc32Combine(crc, gib, GIB);
      second = count === 0 ? gib : crc32Combine(second, gib, GIB);
    }
    crc = crc32Combine(crc, rest, 5);
    second = crc32Combine(second, rest, 5);
    expect(crc32Combine(crc32('start'), second, 4 * GIB + 5)).toBe(crc);
  });
});
