import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Requester } from '../access/requester.ts';
import { AppError, errnoOf, toAppError } from '../errors.ts';
import type { MountCalls } from './mount-calls.ts';
import type { SpooledUpload } from './spooled-upload.ts';
import { streamToSpool } from './stream-to-spool.ts';
import { tooLarge } from './write-body.ts';
import { STALL_MS } from './upload-options.ts';
import type { UploadOutcome } from './upload-outcome.ts';

export interface TakeParts {
  readonly spoolDir: string;
  readonly incomingDir: string;
  readonly maxUploadBytes: number;
  /** Whom the rules of access see. */
  readonly requester: Requester;
  readonly ingest: (upload: SpooledUpload) => Promise<UploadOutcome>;
  readonly removeIncoming: (path: string) => void;
  /** Instead of the one of Node. */
  readonly open?: typeof open;
}

/** What became of a dropped file that was read; `sha256` of what was read of it. */
export type DroppedFileResult =
  | { readonly kind: 'taken'; readonly outcome: UploadOutcome; readonly sha256: string }
  | { readonly kind: 'failed'; readonly error: AppError; readonly sha256: string | undefined }
  /** Not by us, or not yet: rsync --inplace lets others read a file when it is whole. */
  | { readonly kind: 'unreadable'; readonly error: AppError }
  /** It was written to or replaced meanwhile: nothing was done. */
  | { readonly kind: 'changed' };

/** A dropped file, open for reading. */
interface OpenedDrop extends AsyncDisposable {
  readonly identity: () => Promise<string>;
  readonly read: (position: number, length: number) => Promise<Buffer>;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

// As much as streamToSpool writes at once.
const READ_BYTES = 256 * 1024;
// Between the look and the opening it went, or a link or a socket took its place.
const REPLACED = new Set(['ENOENT', 'ELOOP', 'ENXIO']);

/**
 * Tells whether a name still leads to the very file that was looked at, as it was. Moving it does not count; that others may
 * read it now does.
 */
export function droppedIdentityOf({ dev, ino, size, mtimeNs, mode, uid, gid }: BigIntStats): string {
  return `${dev}-${ino}-${size}-${mtimeNs}-${mode}-${uid}-${gid}`;
}

/**
 * Copies a dropped file into the spool and takes the copy on as an upload: whoever dropped the file owns it and may have it
 * open for writing, but not the copy. The dropped file is only read here.
 * @param chosen what it was when it was looked at, not through a link.
 * @param calls to the mount of the drop directory.
 */
export async function takeDroppedFile(
  path: string,
  chosen: BigIntStats,
  parts: TakeParts,
  calls: MountCalls,
  signal: AbortSignal,
): Promise<DroppedFileResult> {
  const identity = droppedIdentityOf(chosen);
  let sha256: string | undefined;
  try {
    checkBeforeReading(chosen, parts.maxUploadBytes);
    const found = await openDropped(path, parts.open ?? open, calls);
    if (found instanceof AppError) return { kind: 'unreadable', error: found };
    await using file = found;
    if (file === undefined || (await file.identity()) !== identity) return { kind: 'changed' };
    const copy = await copyToSpool(file, Number(chosen.size), parts, signal);
    ({ sha256 } = copy);
    try {
      // What was read while somebody wrote is a mixture.
      if ((await file.identity()) !== identity) return { kind: 'changed' };
      const { requester } = parts;
      const outcome = await parts.ingest({ ...copy, expectedDigests: [], releasever: undefined, requester });
      return { kind: 'taken', outcome, sha256 };
    } finally {
      parts.removeIncoming(copy.path);
    }
  } catch (error) {
    return { kind: 'failed', error: toAppError(error), sha256 };
  }
}

function checkBeforeReading(chosen: BigIntStats, maxUploadBytes: number): void {
  if (!chosen.isFile()) {
    const kind = chosen.isSymbolicLink()
      ? 'a symbolic link'
      : chosen.isDirectory()
        ? 'a directory'
        : 'special';
    throw refused(`it is ${kind}`, 'Drop the package itself, as a regular file.');
  }
  if (chosen.size === 0n) {
    throw new AppError('EMPTY_BODY', 'the file is empty', { hint: 'Drop the whole package again.' });
  }
  if (chosen.size > maxUploadBytes) throw tooLarge(maxUploadBytes);
}

/** Undefined when it is not there any more, an error when we may not read it. */
async function openDropped(
  path: string,
  openFile: typeof open,
  calls: MountCalls,
): Promise<OpenedDrop | AppError | undefined> {
  try {
    const file = await calls.within(
      () => openFile(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
      (late) => late.close(),
    );
    return readWithin(file, calls);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (REPLACED.has(errno)) return undefined;
    if (errno === 'EACCES' || errno === 'EPERM') {
      return refused(
        'the service may not read it',
        'Give it to the group of the service or let everybody read it (chmod a+r, or a umask of 022), and drop it again.',
      );
    }
    throw error;
  }
}

function readWithin(file: FileHandle, calls: MountCalls): OpenedDrop {
  return {
    identity: async () => droppedIdentityOf(await calls.within(() => file.stat({ bigint: true }))),
    read: async (position, length) => {
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await calls.within(() => file.read({ buffer, position }));
      return buffer.subarray(0, bytesRead);
    },
    [Symbol.asyncDispose]: async () => {
      // Node closes it when a read that hangs has returned; it was only read, so nothing is lost when that fails.
      const closed = file.close().catch(() => undefined);
      await calls.within(() => closed).catch(() => undefined);
    },
  };
}

async function copyToSpool(
  file: OpenedDrop,
  sizeBytes: number,
  parts: TakeParts,
  signal: AbortSignal,
): Promise<{ readonly path: string; readonly sizeBytes: number; readonly sha256: string }> {
  const limits = { maxUploadBytes: parts.maxUploadBytes, stallMs: STALL_MS };
  const body = Readable.from(chunksOf(file, sizeBytes, signal));
  try {
    return await streamToSpool(body, parts, limits);
  } finally {
    body.destroy();
  }
}

/** Not further than the size it had: somebody who keeps writing would otherwise never let it end. */
async function* chunksOf(file: OpenedDrop, sizeBytes: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  for (let position = 0; position < sizeBytes; ) {
    signal.throwIfAborted();
    const length = Math.min(READ_BYTES, sizeBytes - position);
    const chunk = await file.read(position, length);
    // It was shortened.
    if (chunk.length === 0) return;
    position += chunk.length;
    yield chunk;
  }
}

function refused(reason: string, hint: string): AppError {
  return new AppError('DROPPED_FILE_REFUSED', `the dropped file is refused: ${reason}`, { hint });
}
