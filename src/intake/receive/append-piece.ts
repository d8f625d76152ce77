import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { AppError } from '../../errors.ts';
import { longerThanSaid } from '../body-errors.ts';
import type { BodyRoom } from '../body-room.ts';
import type { ExpectedDigest } from '../spooled-upload.ts';
import { readChunks, writeBody } from '../write-body.ts';

/** Bytes of an upload as they arrive, and what the client said about these bytes. */
export interface UploadPiece {
  readonly body: Readable;
  readonly expectedDigests: readonly ExpectedDigest[];
  /** The longest pause between two chunks. */
  readonly stallMs: number;
  readonly room: BodyRoom;
  /** Ends the reading with its reason. */
  readonly signal: AbortSignal;
}

/** The file that pieces are added to. */
export interface PartialBody {
  readonly path: string;
  readonly sizeBytes: number;
  /** When the file is whole. */
  readonly lengthBytes: number;
}

/**
 * Adds a piece to the end of a file. When the connection ends, the bytes that came are kept; when the piece has another
 * digest than the client said, all of it is removed.
 * @returns the number of bytes that are there now.
 * @throws AppError BODY_INCOMPLETE, UPLOAD_STALLED, UPLOAD_TOO_LARGE, DIGEST_MISMATCH, STORAGE_FULL, or the signal's
 * reason.
 */
export async function appendPiece(partial: PartialBody, piece: UploadPiece): Promise<number> {
  const { path, sizeBytes, lengthBytes } = partial;
  const check = createCheck(piece.expectedDigests);
  await using file = await open(path, 'a');
  const addedBytes = await writeBody(piece.body, file, {
    ...piece,
    limitBytes: lengthBytes - sizeBytes,
    tooLarge: () => longerThanSaid(lengthBytes),
    seeChunk: check.see,
  });
  try {
    check.demandEqual();
  } catch (error) {
    await file.truncate(sizeBytes);
    throw error;
  }
  const now = sizeBytes + addedBytes;
  // The client forgets bytes that are acknowledged; a body that is complete is synced as a package.
  if (now < lengthBytes) await file.datasync();
  return now;
}

/**
 * Receives the last byte again although the file has it already: the client sends it to get the answer again.
 * @returns the number of bytes that have come by this count.
 * @throws AppError as appendPiece does.
 */
export async function repeatLastByte(
  { path, lengthBytes }: PartialBody,
  piece: UploadPiece,
): Promise<number> {
  const check = createCheck(piece.expectedDigests);
  let last: Buffer | undefined;
  for await (const chunk of readChunks(piece.body, piece)) {
    if (chunk.length + (last?.length ?? 0) > 1) throw longerThanSaid(lengthBytes);
    check.see(chunk);
    last = chunk;
  }
  check.demandEqual();
  if (last === undefined) return lengthBytes - 1;
  await using file = await open(path, 'r');
  const { buffer } = await file.read({ buffer: Buffer.alloc(1), position: lengthBytes - 1 });
  if (buffer.equals(last)) return lengthBytes;
  throw new AppError('DIGEST_MISMATCH', 'the last byte is another one than the one that came before', {
    hint: 'This is no longer the same file: begin a new upload.',
  });
}

function createCheck(expected: readonly ExpectedDigest[]): {
  readonly see: (chunk: Buffer) => void;
  readonly demandEqual: () => void;
} {
  const running = expected.map((digest) => ({ ...digest, hash: createHash(digest.algorithm) }));
  return {
    see: (chunk) => {
      for (const { hash } of running) hash.update(chunk);
    },
    demandEqual: () => {
      for (const { algorithm, hex, header, hash } of running) {
        const found = hash.digest('hex');
        if (found === hex) continue;
        throw new AppError(
          'DIGEST_MISMATCH',
          `this piece's ${algorithm} is ${found}, ${header} says ${hex}`,
          {
            hint: 'The piece changed on its way, and none of it was kept: ask for the offset and send it again.',
          },
        );
      }
    },
  };
}
