import { createHash, randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { streamFileName } from '../storage/spool-file-name.ts';
import { emptyBody, tooLarge } from './body-errors.ts';
import type { BodyRoom } from './body-room.ts';
import type { IncomingFile } from './take-over-spool-file.ts';
import { writeBody } from './write-body.ts';

export interface StreamLimits {
  readonly maxUploadBytes: number;
  /** The longest pause between two chunks. */
  readonly stallMs: number;
  readonly room: BodyRoom;
}

/**
 * Streams a body into the spool, hashing it on the way, and hands it over when it is complete.
 * Nothing is left when it fails; the stream is not destroyed, so that the client can still be answered.
 * @throws AppError EMPTY_BODY, UPLOAD_TOO_LARGE, UPLOAD_STALLED, BODY_INCOMPLETE, STORAGE_FULL.
 */
export async function streamToSpool(
  body: Readable,
  folders: { readonly spoolDir: string; readonly incomingDir: string },
  limits: StreamLimits,
): Promise<IncomingFile & { readonly sha256: string }> {
  // One that breaks off before it is read, or after, has no other listener, and would end the process.
  body.on('error', () => undefined);
  const id = randomUUID();
  const spoolPath = join(folders.spoolDir, streamFileName(id));
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
  { maxUploadBytes, stallMs, room }: StreamLimits,
): Promise<{ readonly sizeBytes: number; readonly sha256: string }> {
  const file = await open(spoolPath, 'wx', 0o600);
  const hash = createHash('sha256');
  try {
    const sizeBytes = await writeBody(body, file, {
      limitBytes: maxUploadBytes,
      tooLarge: () => tooLarge(maxUploadBytes),
      stallMs,
      room,
      seeChunk: (chunk) => void hash.update(chunk),
    });
    return { sizeBytes, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}
