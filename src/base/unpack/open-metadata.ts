import { type FileHandle, open } from 'node:fs/promises';
import { AppError, errnoOf } from '../../errors.ts';
import { inflateMembers } from './inflate-members.ts';
import { runDecompressor } from './run-decompressor.ts';
import { decodeZstdFrames, isZstdMagic } from './zstd-frames.ts';

// Larger pieces than the default (64 KiB): fewer turns of the event loop for 160 MB of XML.
const PIECE_BYTES = 256 * 1024;

// RFC 1952, 2.3.1; xz file format, 2.1.1.1; bzip2 has no specification, its manual gives the letters.
const GZIP_MAGIC = Buffer.from('1f8b', 'hex');
const XZ_MAGIC = Buffer.from('fd377a585a00', 'hex');
const BZIP2_MAGIC = Buffer.from('BZh');
const ZSTD_MAGIC = Buffer.from('28b52ffd', 'hex');
const MAGICS = [GZIP_MAGIC, XZ_MAGIC, BZIP2_MAGIC, ZSTD_MAGIC];
const LONGEST_MAGIC_BYTES = 6;

/**
 * The uncompressed bytes of a metadata file, in pieces. By its first bytes, not by its name: gzip (one or many
 * members), zstd (one or many frames, skippable frames too), xz, bzip2; anything else as it stands. A file that is
 * cut between two members or frames is a valid shorter one: only its checksum tells.
 * @throws AppError INDEX_FAILED for a file that is empty, cut or damaged, INDEX_ENGINE_MISSING without the tool for xz
 * or bzip2; the error of the file system; the signal's reason.
 */
export async function* openMetadata(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of uncompressed(path, signal)) {
      signal?.throwIfAborted();
      yield piece;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof AppError || errnoOf(error) !== undefined ? error : damaged(path, error);
  }
}

async function* uncompressed(path: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  await using file = await open(path);
  const start = await firstBytes(file);
  if (MAGICS.some((magic) => start.length < magic.length && magic.subarray(0, start.length).equals(start))) {
    throw new Error(`it ends after ${start.length} bytes`);
  }
  if (beginsWith(start, XZ_MAGIC)) yield* runDecompressor('xz', path, signal);
  else if (beginsWith(start, BZIP2_MAGIC)) yield* runDecompressor('bzip2', path, signal);
  else if (beginsWith(start, GZIP_MAGIC)) yield* inflateMembers(readPieces(file), PIECE_BYTES);
  else if (start.length >= ZSTD_MAGIC.length && isZstdMagic(start.readUInt32LE())) {
    yield* decodeZstdFrames(readPieces(file), PIECE_BYTES);
  } else yield* readPieces(file);
}

async function firstBytes(file: FileHandle): Promise<Buffer> {
  const buffer = Buffer.alloc(LONGEST_MAGIC_BYTES);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  return buffer.subarray(0, bytesRead);
}

function beginsWith(start: Buffer, magic: Buffer): boolean {
  return start.subarray(0, magic.length).equals(magic);
}

function readPieces(file: FileHandle): AsyncIterable<Uint8Array> {
  return file.createReadStream({ start: 0, highWaterMark: PIECE_BYTES, autoClose: false });
}

function damaged(path: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AppError('INDEX_FAILED', `${path} cannot be read to its end: ${reason}`, {
    hint: 'Reindex the repository; if others put the file there, put it there again.',
    cause,
  });
}
