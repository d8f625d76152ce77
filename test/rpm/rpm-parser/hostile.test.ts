import { describe, expect, it } from 'vitest';
import { measureHeader } from '../../../src/rpm/rpm-parser/measure-header.ts';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { RpmParseError } from '../../../src/rpm/rpm-parser/rpm-parse-error.ts';
import { Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import { verifyHeaderDigests } from '../../../src/rpm/rpm-parser/verify-header-digests.ts';
import {
  addTags,
  craftRpm,
  int16Tag,
  int32Tag,
  replaceTags,
  stringArrayTag,
} from '../../support/craft-rpm.ts';

const MIB = 1024 * 1024;

const RICH = craftRpm({
  epoch: 1,
  vendor: 'Vendor',
  files: [
    { path: '/usr/bin/a', content: 'a' },
    { path: '/usr/share/b', mode: 0o040755 },
    { path: '/usr/share/b/c', sizeBytes: 10 },
  ],
  dependencies: {
    requires: [{ name: 'a', flags: 8, evr: '1:2-3' }, { name: 'b' }],
    suggests: [{ name: 's' }],
  },
  changelogs: [{ author: 'A', timeSeconds: 1, text: 'é' }],
});

/** Reads everything there is to read; what a hostile file may do is throw an RpmParseError, nothing else. */
function readAll(bytes: Uint8Array): 'parsed' | 'refused' {
  try {
    const rpm = parseRpm(bytes, bytes.length);
    for (const list of Object.values(rpm.dependencies)) expect(countItems(list)).toBe(list.length);
    expect(countItems(rpm.files)).toBe(rpm.files.length);
    expect(countItems(rpm.changelogs)).toBe(rpm.changelogs.length);
    verifyHeaderDigests(bytes, rpm);
    return 'parsed';
  } catch (error) {
    if (error instanceof RpmParseError) return 'refused';
    throw error;
  }
}

function countItems(list: Iterable<unknown>): number {
  let count = 0;
  for (const item of list) count += item === undefined ? 0 : 1;
  return count;
}

/** The same numbers for the same seed. Source: mulberry32, public domain. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function payloadStart(bytes: Buffer): number {
  return parseRpm(bytes, bytes.length).headerRange.end;
}

describe('a hostile package', () => {
  it('cut at any length is refused as truncated, until the payload', () => {
    expect(readAll(RICH)).toBe('parsed');
    const end = payloadStart(RICH);
    for (let length = 4; length < end; length++) {
      const cut = RICH.subarray(0, length);
      expect(() => parseRpm(cut, cut.length)).toThrow(expect.objectContaining({ code: 'TRUNCATED' }));
    }
    expect(readAll(RICH.subarray(0, end))).toBe('parsed');
  });

  it('with any number of its structure changed is read or refused, and its digests never match', () => {
    const { headerRange } = parseRpm(RICH, RICH.length);
    const values = [0, 1, 2, 9, 10, 255, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];
    for (let offset = headerRange.start; offset + 4 <= headerRange.end; offset += 4) {
      for (const value of values) {
        const patched = Buffer.from(RICH);
        patched.writeUInt32BE(value, offset);
        const expected = value === RICH.readUInt32BE(offset) ? 'parsed' : 'refused';
        expect(readAll(patched)).toBe(expected);
      }
    }
  });

  it('with any number of its signature header changed is read or refused', () => {
    const { headerRange } = parseRpm(RICH, RICH.length);
    const outcomes = { parsed: 0, refused: 0 };
    for (let offset = 0; offset + 4 <= headerRange.start; offset += 4) {
      for (const value of [0, 1, 10, 0x7fffffff, 0x80000000, 0xffffffff]) {
        const patched = Buffer.from(RICH);
        patched.writeUInt32BE(value, offset);
        outcomes[readAll(patched)]++;
      }
    }
    expect(outcomes.parsed).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });

  it('with one random byte changed is read or refused, 20,000 times', () => {
    const random = seededRandom(20_260_101);
    const end = payloadStart(RICH);
    const outcomes = { parsed: 0, refused: 0 };
    for (let round = 0; round < 20_000; round++) {
      const patched = Buffer.from(RICH.subarray(0, end));
      patched[Math.floor(random() * end)] = Math.floor(random() * 256);
      outcomes[readAll(patched)]++;
    }
    expect(outcomes.parsed).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });

  it('of random bytes behind a valid lead is read or refused', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 500; round++) {
      const bytes = Buffer.from(RICH);
      for (let offset = 112; offset < bytes.length; offset++) bytes[offset] = Math.floor(random() * 256);
      expect(readAll(bytes)).toBe('refused');
    }
  });

  it('made of two packages glued together is the first one with a longer payload', () => {
    const glued = Buffer.concat([RICH, craftRpm({ name: 'second' })]);
    const rpm = parseRpm(glued, glued.length);
    expect(rpm.name).toBe('example');
    expect(glued.length - rpm.headerRange.start).toBeGreaterThan(rpm.digests.headerAndPayloadSizeBytes ?? 0);
  });

  it('with 200,000 files is read', () => {
    const files = Array.from({ length: 200_000 }, (_, index) => ({
      path: `/usr/share/${index % 999}/f${index}`,
    }));
    const bytes = craftRpm({ files });
    expect(readAll(bytes)).toBe('parsed');
    expect(parseRpm(bytes, bytes.length).files.length).toBe(200_000);
  });

  it('with a million files of no name in a million directories is read in memory of its own size', () => {
    const count = 0xfffff;
    const numbers = Array.from({ length: count }, (_, index) => index);
    const empty = numbers.map(() => '');
    const bytes = craftRpm({
      editHeader: addTags(
        stringArrayTag(Tag.BASENAMES, empty),
        stringArrayTag(Tag.DIRNAMES, empty),
        int32Tag(Tag.DIRINDEXES, numbers),
        int32Tag(Tag.FILEFLAGS, numbers),
        int16Tag(
          Tag.FILEMODES,
          numbers.map(() => 0),
        ),
      ),
    });
    expect(readAll(bytes)).toBe('parsed');
  });

  it('with names of 8 MiB in its lists is read', () => {
    const long = 'x'.repeat(8 * MIB);
    const bytes = craftRpm({
      files: [{ path: `/${long}/${long}` }],
      dependencies: { requires: [{ name: long, evr: long }] },
      changelogs: [{ author: long, timeSeconds: 1, text: `${long}é\u0001` }],
    });
    expect(readAll(bytes)).toBe('parsed');
    expect([...parseRpm(bytes, bytes.length).files][0]?.path).toHaveLength(16 * MIB + 2);
  });

  it.each([
    ['name', 'LIMIT_EXCEEDED'],
    ['summary', 'TEXT_TOO_LONG'],
    ['description', 'TEXT_TOO_LONG'],
    ['vendor', 'TEXT_TOO_LONG'],
  ])('with a %s of 10 MiB is refused', (field, code) => {
    const bytes = craftRpm({ [field]: 'x'.repeat(10 * MIB) });
    expect(() => parseRpm(bytes, bytes.length)).toThrow(expect.objectContaining({ code }));
  });

  it('with an array of more than a million values is refused', () => {
    const tag = { ...int32Tag(Tag.FILESIZES, []), count: 0x100000, data: Buffer.alloc(4 * MIB) };
    expect(readAll(craftRpm({ editHeader: replaceTags(tag) }))).toBe('refused');
  });

  it('with 65,000 tags is read, and the same tag 65,000 times', () => {
    const many = Array.from({ length: 65_000 }, (_, index) => int32Tag(100_000 + index, [index]));
    expect(readAll(craftRpm({ editHeader: addTags(...many) }))).toBe('parsed');
    const same = many.map((tag) => ({ ...tag, tag: 100_000 }));
    expect(readAll(craftRpm({ editHeader: addTags(...same) }))).toBe('parsed');
  });

  it('with rich dependencies nested 5,000 deep is read as it stands, and said to have a defect', () => {
    const name = `${'('.repeat(5000)}a${' if b)'.repeat(5000)}`;
    const bytes = craftRpm({ dependencies: { requires: [{ name }] } });
    const rpm = parseRpm(bytes, bytes.length);
    expect([...rpm.dependencies.requires]).toMatchObject([{ name }]);
    expect(rpm.dependencyDefect).toMatchObject({ tag: 'REQUIRENAME' });
  });

  it('is measured without more memory than its first bytes, whatever it announces', () => {
    const lying = Buffer.from(RICH.subarray(0, 112));
    lying.writeUInt32BE(64 * MIB, 108);
    expect(measureHeader(lying, 2 ** 40)).toEqual({ isComplete: false, neededBytes: expect.any(Number) });
  });
});
