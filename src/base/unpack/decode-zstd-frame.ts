import { pipeline, Readable } from 'node:stream';
import { constants, createZstdDecompress, zstdDecompressSync } from 'node:zlib';

// A stream costs some 0.4 ms to set up, a frame within these limits about as much to decode at once.
const SMALL_FRAME_BYTES = 128 * 1024;
const SMALL_CONTENT_BYTES = 1024 * 1024;

// 128 MiB, which every preset of zstd stays within and its own decoder stops at; a frame may name a window of 4 TiB.
const WINDOW_LIMIT = { [constants.ZSTD_d_windowLogMax]: 27 };

/** The content of exactly one frame. @throws Error when it is damaged. */
export async function* decodeZstdFrame(
  frame: AsyncGenerator<Uint8Array>,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  const { start, isWhole } = await takeStart(frame);
  const content = isWhole ? decodeAtOnce(start) : undefined;
  if (content !== undefined) {
    yield content;
    return;
  }
  const bytes = Readable.from(joined(start, frame), { highWaterMark: 1 });
  // pipeline destroys both with the error of either, which the reader of the second then gets.
  yield* pipeline(
    bytes,
    createZstdDecompress({ chunkSize: chunkBytes, params: WINDOW_LIMIT }),
    () => undefined,
  );
}

/** The frame's first bytes, and whether these are all. */
async function takeStart(
  frame: AsyncGenerator<Uint8Array>,
): Promise<{ readonly start: Buffer; readonly isWhole: boolean }> {
  const pieces: Uint8Array[] = [];
  let takenBytes = 0;
  while (takenBytes < SMALL_FRAME_BYTES) {
    const next = await frame.next();
    if (next.done === true) return { start: Buffer.concat(pieces), isWhole: true };
    pieces.push(next.value);
    takenBytes += next.value.length;
  }
  return { start: Buffer.concat(pieces), isWhole: false };
}

/** Undefined when the content is too large to be held in memory as a whole. */
function decodeAtOnce(frame: Uint8Array): Buffer | undefined {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: SMALL_CONTENT_BYTES, params: WINDOW_LIMIT });
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      return undefined;
    throw error;
  }
}

async function* joined(start: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield start;
  yield* rest;
}
