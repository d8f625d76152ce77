import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { constants, createZstdCompress, gzipSync, zstdCompressSync } from 'node:zlib';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { openMetadata } from '../../../src/base/unpack/open-metadata.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;

beforeEach(async () => {
  dir = await createTempDir();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await dir.remove();
});

async function write(bytes: Uint8Array | string): Promise<string> {
  // The name says nothing: repositories exist whose names lie.
  const path = join(dir.path, '-metadata.xml');
  await writeFile(path, bytes);
  return path;
}

async function opened(bytes: Uint8Array | string, signal?: AbortSignal): Promise<string> {
  const path = await write(bytes);
  return (await buffer(openMetadata(path, signal))).toString();
}

/** Numbered lines: text that compresses and in which nothing can go missing unseen. */
function lines(count: number): string {
  return Array.from({ length: count }, (_, line) => `<package pkgid="${line}"/>\n`).join('');
}

// Without them it is no zstd file but one that is given as it stands.
const ZSTD_MAGIC_BYTES = 4;

/** A frame whose content is too large to be decoded at once. */
function largeFrame(): Buffer {
  return frameWithChecksum(lines(100_000));
}

const SKIPPABLE = Buffer.from('5a2a4d1805000000ffffffffff', 'hex');

/** A zstd frame as streams write it: without the size of its content. */
async function frameWithoutSize(text: string): Promise<Buffer> {
  return buffer(Readable.from([Buffer.from(text)]).pipe(createZstdCompress()));
}

function frameWithChecksum(text: string): Buffer {
  return zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}

async function compressedBy(tool: string, text: string, ...options: readonly string[]): Promise<Uint8Array> {
  const { stdout } = await execa(tool, ['-c', ...options], {
    input: text,
    encoding: 'buffer',
    stripFinalNewline: false,
  });
  return stdout;
}

/** The error's code, or `read` when there is none. */
async function outcomeOf(bytes: Uint8Array): Promise<unknown> {
  try {
    await opened(bytes);
    return 'read';
  } catch (error) {
    return error instanceof AppError ? error.code : error;
  }
}

/** The lengths, from 0 to the file's own less one, that it can be cut to without being rejected as damaged. */
async function acceptedCuts(bytes: Uint8Array): Promise<readonly number[]> {
  const accepted: number[] = [];
  for (let length = 0; length < bytes.length; length += 1) {
    if ((await outcomeOf(bytes.subarray(0, length))) !== 'INDEX_FAILED') accepted.push(length);
  }
  return accepted;
}

describe('openMetadata', () => {
  it('gives plain XML as it stands', async () => {
    expect(await opened(lines(50_000))).toBe(lines(50_000));
  });

  it('inflates one gzip member and many, empty ones too', async () => {
    expect(await opened(gzipSync(lines(50_000)))).toBe(lines(50_000));
    const members = ['<a>', '', lines(50_000), '', '</a>'].map((text) => gzipSync(text));
    expect(await opened(Buffer.concat(members))).toBe(`<a>${lines(50_000)}</a>`);
  });

  it('decodes every zstd frame, with and without the size of its content, empty and skippable ones', async () => {
    const frames = [
      SKIPPABLE,
      zstdCompressSync('<a>'),
      zstdCompressSync(''),
      await frameWithoutSize(lines(50_000)),
      SKIPPABLE,
      await frameWithoutSize(''),
      frameWithChecksum('</a>'),
      SKIPPABLE,
    ];
    expect(await opened(Buffer.concat(frames))).toBe(`<a>${lines(50_000)}</a>`);
  });

  it('finds the end of frames with raw and run-length blocks', async () => {
    const random = Array.from({ length: 40_000 }, (_, index) => Math.sin(index).toString(36)).join('');
    const texts = [random.slice(0, 300_000), 'x'.repeat(1_000_000), 'y'];
    const frames = texts.map((text) => zstdCompressSync(text));
    expect(await opened(Buffer.concat(frames))).toBe(texts.join(''));
  });

  it('decodes zstd frames whose content is far larger than themselves, and large ones', async () => {
    const texts = ['x'.repeat(3_000_000), lines(300_000), 'x'];
    const frames = [
      zstdCompressSync(texts[0] ?? ''),
      await frameWithoutSize(texts[1] ?? ''),
      frameWithChecksum('x'),
    ];
    expect((await opened(Buffer.concat(frames))) === texts.join('')).toBe(true);
  });

  it('decodes a hundred zstd frames as libzstd does', async () => {
    const frames = Array.from({ length: 100 }, (_, index) => zstdCompressSync(lines(index * 10)));
    const path = await write(Buffer.concat(frames));
    const { stdout } = await execa('python3', ['-c', READ_BY_LIBZSTD, path], {
      encoding: 'buffer',
      stripFinalNewline: false,
    });
    expect((await buffer(openMetadata(path))).equals(stdout)).toBe(true);
  });

  it.each(['xz', 'bzip2'])('reads what %s wrote', async (tool) => {
    expect(await opened(await compressedBy(tool, lines(50_000)))).toBe(lines(50_000));
  });

  it('ends xz with the reader who needs no more', async () => {
    const path = await write(await compressedBy('xz', lines(500_000), '-0'));
    for await (const piece of openMetadata(path)) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
  });

  it.each(['xz', 'bzip2'])('says that %s is missing', async (tool) => {
    const bytes = await compressedBy(tool, lines(5));
    vi.stubEnv('PATH', dir.path);
    await expect(opened(bytes)).rejects.toMatchObject({ code: 'INDEX_ENGINE_MISSING' });
  });

  it('rejects with the reason of the signal', async () => {
    const reason = new Error('stopping');
    for (const bytes of [gzipSync('<a/>'), await compressedBy('xz', '<a/>')]) {
      await expect(opened(bytes, AbortSignal.abort(reason))).rejects.toBe(reason);
    }
  });

  it('rejects for a file that is not there with the error of the file system', async () => {
    await expect(buffer(openMetadata(join(dir.path, 'none')))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a file cut anywhere', () => {
  it('rejects as gzip, but between two members', async () => {
    const [first, second] = [gzipSync(lines(5)), gzipSync(lines(6))];
    expect(await acceptedCuts(Buffer.concat([first, second]))).toEqual([first.length]);
  });

  it('rejects as zstd, but between two frames', async () => {
    const parts = [frameWithChecksum(lines(5)), SKIPPABLE, await frameWithoutSize(lines(6))];
    const [first = 0, second = 0] = parts.map(({ length }) => length);
    expect(await acceptedCuts(Buffer.concat(parts))).toEqual([first, first + second]);
  });

  it('rejects as zstd inside of a frame that is too large to be decoded at once', async () => {
    const content = randomBytes(400_000);
    const whole = Buffer.concat([zstdCompressSync(content), frameWithChecksum('<a/>')]);
    for (const length of [100, 131_071, 131_072, 131_075, 131_076, 300_000, 399_999, whole.length - 1]) {
      expect(await outcomeOf(whole.subarray(0, length)), `${length} bytes`).toBe('INDEX_FAILED');
    }
    expect(await outcomeOf(whole)).toBe('read');
  });

  it.each(['xz', 'bzip2'])('rejects as %s', async (tool) => {
    const bytes = await compressedBy(tool, lines(5));
    for (const length of [1, 2, 3, 5, 6, 7, 12, bytes.length - 13, bytes.length - 1]) {
      await expect(opened(bytes.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
        code: 'INDEX_FAILED',
      });
    }
  });
});

describe('a damaged file', () => {
  const garbage = Buffer.from('garbage');
  const zeros = Buffer.alloc(20);

  it.each([
    ['gzip and garbage', () => Buffer.concat([gzipSync('<a/>'), garbage])],
    [
      'gzip and zeros, where Node ends silently',
      () => Buffer.concat([gzipSync('<a/>'), zeros, gzipSync('x')]),
    ],
    ['gzip with a wrong content', () => flipped(gzipSync(lines(100)), 0.5)],
    ['gzip with a wrong checksum', () => flipped(gzipSync(lines(100)), 0.99)],
    ['zstd and garbage', () => Buffer.concat([zstdCompressSync('<a/>'), garbage])],
    ['zstd and zeros', () => Buffer.concat([zstdCompressSync('<a/>'), zeros])],
    ['zstd with a wrong content', () => flipped(frameWithChecksum(lines(100)), 0.5)],
    ['zstd with a wrong checksum', () => flipped(frameWithChecksum(lines(100)), 0.999)],
    ['zstd with a wrong content in a large frame', () => flipped(largeFrame(), 0.5)],
    ['zstd with a block of the reserved type', () => Buffer.from('28b52ffd0058070000ff', 'hex')],
  ])('rejects: %s', async (_, bytes) => {
    await expect(opened(bytes())).rejects.toMatchObject({ code: 'INDEX_FAILED' });
  });

  it('rejects, whichever byte of zstd frames is another', async () => {
    const bytes = Buffer.concat([frameWithChecksum(lines(5)), frameWithChecksum(lines(6))]);
    const written = lines(5) + lines(6);
    expect(await opened(bytes)).toBe(written);
    for (let index = ZSTD_MAGIC_BYTES; index < bytes.length; index += 1) {
      const damaged = opened(invert(bytes, index));
      await expect(damaged, `byte ${index}`).rejects.toMatchObject({ code: 'INDEX_FAILED' });
    }
    // The bit of the first frame's descriptor that means nothing (RFC 8878, 3.1.1.1.1.3) may be any.
    bytes.writeUInt8(bytes.readUInt8(ZSTD_MAGIC_BYTES) ^ 0x10, ZSTD_MAGIC_BYTES);
    expect(await opened(bytes)).toBe(written);
  });
});

/** The same with the byte inverted that lies at this part of the length. */
function flipped(bytes: Uint8Array, part: number): Buffer {
  return invert(bytes, Math.floor(bytes.length * part));
}

function invert(bytes: Uint8Array, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(index) ^ 0xff, index);
  return copy;
}

// libzstd itself: one call reads every frame, and the library is there wherever rpm is.
const READ_BY_LIBZSTD = `
import ctypes, sys
zstd = ctypes.CDLL('libzstd.so.1')
zstd.ZSTD_decompress.restype = ctypes.c_size_t
data = open(sys.argv[1], 'rb').read()
out = ctypes.create_string_buffer(1 << 24)
size = zstd.ZSTD_decompress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)))
assert not zstd.ZSTD_isError(ctypes.c_size_t(size))
sys.stdout.buffer.write(out.raw[:size])
`;
