import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { waitAtMost } from '../base/turns/wait-at-most.ts';
import { AppError } from '../errors.ts';
import type { BodyRoom } from './body-room.ts';

export interface BodyReading {
  readonly limitBytes: number;
  /** The error of a body that is larger. */
  readonly tooLarge: () => AppError;
  /** The longest pause between two chunks. */
  readonly stallMs: number;
  readonly room: BodyRoom;
  /** Called with each chunk before it is written. */
  readonly seeChunk: (chunk: Buffer) => void;
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal;
}

// One write per 256 KiB instead of one per 64 KiB chunk: fewer turns of the event loop, still little memory.
const WRITE_BYTES = 256 * 1024;

/**
 * Writes a body where the file stands, or at its end when it was opened for that. The bytes that came are in the file
 * also when this fails; the stream is not destroyed, so that the client can still be answered.
 * @returns the number of bytes.
 * @throws AppError UPLOAD_STALLED, BODY_INCOMPLETE, STORAGE_FULL, the one for a body that is too large, or the signal's
 * reason.
 */
export async function writeBody(body: Readable, file: FileHandle, reading: BodyReading): Promise<number> {
  let sizeBytes = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const flush = async (): Promise<void> => {
    const [chunks, bytes] = [pending, pendingBytes];
    // Before the write: what a full disk did not take must not be written a second time.
    [pending, pendingBytes] = [[], 0];
    if (bytes > 0) await reading.room.write(bytes, () => writeAll(file, chunks, bytes));
  };
  try {
    for await (const chunk of readChunks(body, reading)) {
      if (sizeBytes + chunk.length > reading.limitBytes) throw reading.tooLarge();
      sizeBytes += chunk.length;
      reading.seeChunk(chunk);
      pending.push(chunk);
      pendingBytes += chunk.length;
      if (pendingBytes >= WRITE_BYTES) await flush();
    }
  } finally {
    await flush();
  }
  return sizeBytes;
}

/** A disk that becomes full in the middle takes a part without an error; only the next write fails. */
async function writeAll(file: FileHandle, chunks: readonly Buffer[], sizeBytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(chunks);
  if (bytesWritten < sizeBytes) await file.writeFile(Buffer.concat(chunks).subarray(bytesWritten));
}

/** The body's chunks; a client that stops sending or goes away becomes an AppError. */
export async function* readChunks(
  body: Readable,
  reading: Pick<BodyReading, 'stallMs' | 'signal'>,
): AsyncGenerator<Buffer> {
  const iterator = body.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const { value, done } = await nextWithin(iterator, reading);
      if (done === true) return;
      yield value;
    }
  } finally {
    // Releases the stream, or a later reader would get nothing. Not awaited: it waits for a chunk that may never come
    // when the client has stalled.
    iterator.return?.().catch(() => undefined);
  }
}

async function nextWithin(
  iterator: AsyncIterator<Buffer>,
  { stallMs, signal }: Pick<BodyReading, 'stallMs' | 'signal'>,
): Promise<IteratorResult<Buffer>> {
  const interrupted = Promise.withResolvers<never>();
  const interrupt = (): void => interrupted.reject(signal?.reason);
  signal?.addEventListener('abort', interrupt);
  try {
    signal?.throwIfAborted();
    const next = Promise.race([iterator.next(), interrupted.promise]);
    return await waitAtMost(stallMs, next, () => {
      throw stalledFor(stallMs);
    });
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('BODY_INCOMPLETE', 'the connection ended before the whole body arrived', {
      hint: 'Send the package again; only a resumable upload keeps what has arrived.',
      cause,
    });
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

function stalledFor(stallMs: number): AppError {
  return new AppError('UPLOAD_STALLED', `no byte arrived for ${stallMs / 1000} s`, {
    hint: 'Check the connection and send the package again; only a resumable upload keeps what has arrived.',
  });
}
