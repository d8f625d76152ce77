import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError } from '../errors.ts';
import { emptyBody, type IncomingFile } from './take-over-spool-file.ts';

export interface StreamLimits {
  readonly maxUploadBytes: number;
  /** The longest pause between two chunks. */
  readonly stallMs: number;
}

// One write per 256 KiB instead of one per 64 KiB chunk: fewer turns of the event loop, still little memory.
const WRITE_BYTES = 256 * 1024;

/**
 * Streams a body into the spool, hashing it on the way, and hands it over when it is complete.
 * Nothing is left when it fails; the stream is not destroyed, so that the client can still be answered.
 * @throws AppError EMPTY_BODY, UPLOAD_TOO_LARGE, UPLOAD_STALLED, BODY_INCOMPLETE.
 */
export async function streamToSpool(
  body: Readable,
  folders: { readonly spoolDir: string; readonly incomingDir: string },
  limits: StreamLimits,
): Promise<IncomingFile & { readonly sha256: string }> {
  const id = randomUUID();
  const spoolPath = join(folders.spoolDir, `${id}.part`);
  try {
    const written = await writeNewFile(spoolPath, body, limits);
    if (written.sizeBytes === 0) throw emptyBody();
    const path = join(folders.incomingDir, id);
    await rename(spoolPath, path);
    return { path, ...written };
  } catch (error) {
    // A failure here must not hide the first one; the sweeper takes what stays.
    await rm(spoolPath, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function writeNewFile(
  spoolPath: string,
  body: Readable,
  limits: StreamLimits,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const file = await open(spoolPath, 'wx', 0o600);
  try {
    return await writeBody(body, file, limits);
  } finally {
    await file.close();
  }
}

async function writeBody(
  body: Readable,
  file: FileHandle,
  limits: StreamLimits,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunksOf(body, limits.stallMs)) {
    sizeBytes += chunk.length;
    if (sizeBytes > limits.maxUploadBytes) throw tooLarge(limits.maxUploadBytes);
    hash.update(chunk);
    pending.push(chunk);
    pendingBytes += chunk.length;
    if (pendingBytes < WRITE_BYTES) continue;
    await writeAll(file, pending, pendingBytes);
    pending = [];
    pendingBytes = 0;
  }
  if (pending.length > 0) await writeAll(file, pending, pendingBytes);
  return { sizeBytes, sha256: hash.digest('hex') };
}

/** A disk that becomes full in the middle takes a part without an error; only the next write fails. */
async function writeAll(file: FileHandle, chunks: readonly Buffer[], sizeBytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(chunks);
  if (bytesWritten < sizeBytes) await file.writeFile(Buffer.concat(chunks).subarray(bytesWritten));
}

/** The body's chunks; a client that stops sending or goes away becomes an AppError. */
async function* chunksOf(body: Readable, stallMs: number): AsyncGenerator<Buffer> {
  const iterator = body.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const { value, done } = await nextWithin(iterator, stallMs);
      if (done === true) return;
      yield value;
    }
  } finally {
    // Lets go of the stream, or whoever drains it later would get nothing. Not awaited: it waits for a chunk that may
    // never come when the client has stalled.
    iterator.return?.().catch(() => undefined);
  }
}

async function nextWithin(iterator: AsyncIterator<Buffer>, stallMs: number): Promise<IteratorResult<Buffer>> {
  const stalled = Promise.withResolvers<never>();
  const timer = setTimeout(() => stalled.reject(stalledFor(stallMs)), stallMs);
  try {
    return await Promise.race([iterator.next(), stalled.promise]);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('BODY_INCOMPLETE', 'the connection ended before the whole body arrived', {
      hint: 'Send the package again; nothing of this attempt was kept.',
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}

function stalledFor(stallMs: number): AppError {
  return new AppError('UPLOAD_STALLED', `no byte arrived for ${stallMs / 1000} s`, {
    hint: 'Check the connection and send the package again; nothing of this attempt was kept.',
  });
}

export function tooLarge(maxUploadBytes: number): AppError {
  return new AppError('UPLOAD_TOO_LARGE', `the body is larger than ${maxUploadBytes} bytes`, {
    hint: 'Send a smaller package, or raise server.max_upload_bytes (and client_max_body_size in nginx).',
  });
}
