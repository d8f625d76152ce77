import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Requester } from '../../trust/requester.ts';
import { AppError, errnoOf, toAppError } from '../../errors.ts';
import { FileFault } from './file-fault.ts';
import type { MountCalls } from './mount-calls.ts';
import type { SpooledUpload } from '../spooled-upload.ts';
import type { UploadOutcome } from '../../api/upload-outcome.ts';
import { sizeText } from '../../base/text/size-text.ts';

export interface TakeParts {
  readonly maxUploadBytes: number;
  /** Checks the first bytes of a file before the rest is read. @throws AppError when no package of this size begins so. */
  readonly checkStart: (bytes: Uint8Array, sizeBytes: number) => void;
  /** Copies a stream into the spool, see streamToSpool. */
  readonly spool: (body: Readable) => Promise<SpooledCopy>;
  /** The requester for the rules of access. */
  readonly requester: Requester;
  readonly ingest: (upload: SpooledUpload) => Promise<UploadOutcome>;
  readonly removeIncoming: (path: string) => void;
}

/** The calls that tests answer instead of Node. */
export interface FileCalls {
  readonly open: typeof open;
  readonly lstat: (path: string, options: { readonly bigint: true }) => Promise<BigIntStats>;
}

export const NODE_FILE_CALLS: FileCalls = { open, lstat };

/** How dropped files are reached. */
export interface Reach {
  /** To the mount of the drop directory. */
  readonly calls: MountCalls;
  /** Ends calls that need no result any more. */
  readonly signal: AbortSignal;
}

interface SpooledCopy {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A file that may be taken. */
export interface ChosenFile {
  readonly path: string;
  /** What it was when it was looked at, not through a link. */
  readonly stats: BigIntStats;
}

/** What became of a dropped file that was read; `sha256` of what was read of it. */
export type DroppedFileResult =
  | { readonly kind: 'taken'; readonly outcome: UploadOutcome; readonly sha256: string }
  | { readonly kind: 'failed'; readonly error: AppError; readonly sha256: string | undefined }
  /** This user may not read it, perhaps not yet: rsync --inplace makes a file readable when it is whole. */
  | { readonly kind: 'unreadable'; readonly error: AppError }
  /** The disk failed where the file lies. */
  | { readonly kind: 'read fault'; readonly error: AppError }
  /** The file was written to or replaced meanwhile: nothing was done. */
  | { readonly kind: 'changed' };

/** A dropped file, open for reading. */
interface OpenedDrop extends AsyncDisposable {
  readonly identity: () => Promise<string>;
  readonly read: (position: number, length: number) => Promise<Buffer>;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

// As much as is written into the spool at once.
const READ_BYTES = 256 * 1024;
// Most headers fit.
const START_BYTES = 64 * 1024;
// Between the look and the opening the file went, or a link or a socket replaced it.
const REPLACED = new Set(['ENOENT', 'ELOOP', 'ENXIO']);

/**
 * Tells whether a name still leads to the very file that was looked at, unchanged. A move does not count, nor a new
 * right to read it.
 */
export function identifyDropped({ dev, ino, size, mtimeNs, mode, uid, gid }: BigIntStats): string {
  return `${dev}-${ino}-${size}-${mtimeNs}-${mode}-${uid}-${gid}`;
}

/**
 * Copies a dropped file into the spool and takes the copy in as an upload: the user who dropped the file owns it and
 * may have it open for writing, but not the copy. The dropped file is only read here, and a file that does not begin as
 * a package no further than that: it may be gigabytes of nothing.
 */
export async function takeDroppedFile(
  { path, stats }: ChosenFile,
  parts: TakeParts,
  { calls, signal, open: openFile = open }: Reach & Partial<Pick<FileCalls, 'open'>>,
): Promise<DroppedFileResult> {
  const identity = identifyDropped(stats);
  let sha256: string | undefined;
  try {
    checkBeforeReading(stats, parts.maxUploadBytes);
    const found = await openDropped(path, openFile, calls);
    if (found instanceof AppError) return { kind: 'unreadable', error: found };
    await using file = found;
    if (file === undefined || (await file.identity()) !== identity) return { kind: 'changed' };
    const start = await file.read(0, Math.min(START_BYTES, Number(stats.size)));
    // Bytes that were read while the user wrote tell nothing.
    if ((await file.identity()) !== identity) return { kind: 'changed' };
    parts.checkStart(start, Number(stats.size));
    const copy = await copyToSpool(readChunks(file, Number(stats.size), signal), parts);
    ({ sha256 } = copy);
    try {
      // Bytes that were read during a write are a mixture.
      if ((await file.identity()) !== identity) return { kind: 'changed' };
      const { requester } = parts;
      const outcome = await parts.ingest({ ...copy, expectedDigests: [], releasever: undefined, requester });
      return { kind: 'taken', outcome, sha256 };
    } finally {
      parts.removeIncoming(copy.path);
    }
  } catch (error) {
    if (error instanceof FileFault) return { kind: 'read fault', error };
    return { kind: 'failed', error: toAppError(error), sha256 };
  }
}

function checkBeforeReading(stats: BigIntStats, maxUploadBytes: number): void {
  if (!stats.isFile()) {
    const kind = stats.isSymbolicLink() ? 'a symbolic link' : stats.isDirectory() ? 'a directory' : 'special';
    throw refused(`it is ${kind}`, 'Drop the package itself, as a regular file.');
  }
  if (stats.size === 0n) {
    throw new AppError('EMPTY_BODY', 'the file is empty', { hint: 'Drop the whole package again.' });
  }
  if (stats.size > maxUploadBytes) {
    throw new AppError('UPLOAD_TOO_LARGE', `the file is larger than ${sizeText(maxUploadBytes)}`, {
      hint: 'Drop a smaller package, or raise server.max_upload_bytes.',
    });
  }
}

/** Undefined when the file is gone, an error when this user may not read it. */
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
    return readWithin(path, file, calls);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (REPLACED.has(errno)) return undefined;
    if (errno === 'EACCES' || errno === 'EPERM') {
      return refused(
        'the service may not read it',
        'Give the file to the group of the service or let every user read it (chmod a+r, or a umask of 022), and drop it again.',
      );
    }
    throw toReadFault(path, error);
  }
}

function readWithin(path: string, file: FileHandle, calls: MountCalls): OpenedDrop {
  return {
    identity: async () => identifyDropped(await calls.within(() => file.stat({ bigint: true }))),
    read: async (position, length) => {
      const buffer = Buffer.allocUnsafe(length);
      try {
        const { bytesRead } = await calls.within(() => file.read({ buffer, position }));
        return buffer.subarray(0, bytesRead);
      } catch (error) {
        throw toReadFault(path, error);
      }
    },
    [Symbol.asyncDispose]: async () => {
      // Node closes it when a read that hangs has returned; it was only read, so nothing is lost when that fails.
      const closed = file.close().catch(() => undefined);
      await calls.within(() => closed).catch(() => undefined);
    },
  };
}

async function copyToSpool(
  chunks: AsyncGenerator<Buffer>,
  { spool }: TakeParts,
): ReturnType<TakeParts['spool']> {
  const body = Readable.from(chunks);
  try {
    return await spool(body);
  } finally {
    body.destroy();
  }
}

/** Not further than the size that it had: a user who keeps writing would otherwise never let it end. */
async function* readChunks(file: OpenedDrop, sizeBytes: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  for (let position = 0; position < sizeBytes; ) {
    signal.throwIfAborted();
    const length = Math.min(READ_BYTES, sizeBytes - position);
    const chunk = await file.read(position, length);
    // The file was shortened.
    if (chunk.length === 0) return;
    position += chunk.length;
    yield chunk;
  }
}

/** A mount that does not answer is no fault of this file. */
export function toReadFault(path: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  return new FileFault('STORAGE_FAILED', `${path} cannot be read (${errnoOf(cause) ?? 'no reason given'})`, {
    hint: 'Check the disk that the file lies on, then drop the package again or remove the file.',
    cause,
  });
}

function refused(reason: string, hint: string): AppError {
  return new AppError('DROPPED_FILE_REFUSED', `the dropped file is refused: ${reason}`, { hint });
}
