import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  checkSegment,
  compressSegment,
  decompressSegment,
  INDEX_FORMATS,
  type IndexFormatName,
  type Segment,
} from '../../../../src/indexing/engines/incremental/index-format.ts';
import { readByLibzstd } from '../../../support/libzstd.ts';
import { readFirstMember } from '../../../support/python-zlib.ts';
import { createRandom } from '../../../support/random.ts';
import { createTempDir } from '../../../support/temp-dir.ts';

const FORMATS = ['gzip', 'zstd'] as const;

/** Texts that compress well, badly and not at all, empty ones and large ones. */
function randomTexts(seed: number): readonly Buffer[] {
  const random = createRandom(seed);
  return Array.from({ length: 1 + random.below(12) }, () => {
    const kind = random.below(4);
    const length = random.pick([0, 1, 2, 100, 70_000, 300_000]);
    if (kind === 0) return Buffer.from(Array.from({ length }, () => random.below(256)));
    if (kind === 1) return Buffer.alloc(length, 'x');
    return Buffer.from(
      Array.from({ length: Math.ceil(length / 9) }, () => `<a${random.below(9999)}/>\n`).join(''),
    );
  });
}

/** A file as the engine puts it together. */
function fileOf(format: IndexFormatName, texts: readonly Uint8Array[]): Buffer {
  const { head, tail } = INDEX_FORMATS[format];
  const segments = texts.map((text) => compressSegment(format, text));
  return Buffer.concat([
    head,
    ...segments.map(({ bytes }) => bytes),
    tail(segments.map(({ segment }) => segment)),
  ]);
}

function segmentOf(openBytes: number, openCrc32: number): Segment {
  return { lengthBytes: 1, crc32: 0, openBytes, openCrc32 };
}

describe('a gzip file made of segments', () => {
  it.each([1, 2, 3, 4, 5, 6])('is one member with the texts as its content (seed %i)', (seed) => {
    const texts = randomTexts(seed);
    const file = fileOf('gzip', texts);
    const content = Buffer.concat(texts);
    const member = readFirstMember(file);
    expect(member).toMatchObject({ isEnded: true, bytesAfter: 0, isSameByGzip: true });
    expect(member.content.equals(content)).toBe(true);
    expect(gunzipSync(file).equals(content)).toBe(true);
  });

  it('is taken by gzip, which finds the CRC and the size of the whole', async () => {
    await using dir = await createTempDir();
    const texts = ['opening ', 'group '.repeat(50_000), 'closing'].map((text) => Buffer.from(text));
    const path = join(dir.path, 'a.gz');
    writeFileSync(path, fileOf('gzip', texts));
    execFileSync('gzip', ['--test', path]);
    const [, line = ''] = execFileSync('gzip', ['--list', '--verbose', path]).toString().split('\n');
    const [, crc, , , , , uncompressed] = line.trim().split(/\s+/);
    const content = Buffer.concat(texts);
    expect(crc).toBe(crc32(content).toString(16).padStart(8, '0'));
    expect(Number(uncompressed)).toBe(content.length);
  });

  it('of no segments is an empty member', () => {
    expect(readFirstMember(fileOf('gzip', []))).toMatchObject({ isEnded: true, bytesAfter: 0 });
    expect(gunzipSync(fileOf('gzip', []))).toHaveLength(0);
  });

  it('is refused by the test that finds one member when it is two', () => {
    const two = Buffer.concat([gzipSync('a'), gzipSync('b')]);
    expect(readFirstMember(two).bytesAfter).toBeGreaterThan(0);
  });

  it.each([
    ['just below 4 GiB', [2 ** 31, 2 ** 31 - 1], 2 ** 32 - 1],
    ['of exactly 4 GiB', [2 ** 31, 2 ** 31], 0],
    ['above 4 GiB', [2 ** 32 - 1, 2 ** 32 + 5], 4],
    ['far above 4 GiB', Array.from({ length: 40 }, () => 2 ** 30 + 1), 40],
  ])('%s says its size modulo 2^32, as gzip does', (_, sizes, expected) => {
    const tail = INDEX_FORMATS.gzip.tail(sizes.map((openBytes) => segmentOf(openBytes, 0)));
    expect(tail.readUInt32LE(tail.length - 4)).toBe(expected);
  });
});

describe('a zstd file made of segments', () => {
  it.each([1, 2, 3])('is frames that libzstd reads as one content (seed %i)', (seed) => {
    const texts = randomTexts(seed);
    expect(readByLibzstd(fileOf('zstd', texts)).equals(Buffer.concat(texts))).toBe(true);
  });

  it('has a checksum of its content in each frame, so that damage is an error and not other text', () => {
    const file = fileOf('zstd', [Buffer.from('some text of a group')]);
    file.writeUInt8(file.readUInt8(file.length - 1) ^ 1, file.length - 1);
    expect(() => readByLibzstd(file)).toThrow(/checksum/i);
  });

  it('says the size of its content in each frame, so that readers know what to allocate', () => {
    const { bytes } = compressSegment('zstd', Buffer.alloc(100_000, 'x'));
    // RFC 8878, 3.1.1.1.1: bits 7-6 of the descriptor; 2 is a size of four bytes.
    expect(bytes.readUInt8(4) >>> 6).toBe(2);
  });
});

describe.each(FORMATS)('a segment of %s', (format) => {
  it('gives its text again', () => {
    for (const text of randomTexts(7)) {
      const { bytes, segment } = compressSegment(format, text);
      expect(segment).toEqual({
        lengthBytes: bytes.length,
        crc32: crc32(bytes),
        openBytes: text.length,
        openCrc32: crc32(text),
      });
      expect(decompressSegment(format, bytes, segment).equals(text)).toBe(true);
    }
  });

  it.each([
    ['of which a bit is flipped', (bytes: Buffer) => bytes.fill((bytes[9] ?? 0) ^ 4, 9, 10)],
    ['that is cut', (bytes: Buffer) => bytes.subarray(0, -1)],
    ['that is longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ['that is empty', () => Buffer.alloc(0)],
  ])('%s is damaged', (_, damage) => {
    const { bytes, segment } = compressSegment(format, Buffer.from('text '.repeat(100)));
    const damaged = damage(Buffer.from(bytes));
    expect(() => checkSegment(bytes, segment)).not.toThrow();
    expect(() => checkSegment(damaged, segment)).toThrow(expect.objectContaining({ code: 'INDEX_DAMAGED' }));
    expect(() => decompressSegment(format, damaged, segment)).toThrow(
      expect.objectContaining({ code: 'INDEX_DAMAGED' }),
    );
  });
});
