import { appendFileSync, closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, cutText, errnoOf, printable, toAppError } from '../errors.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** Lines of JSON that are only ever added to a file. They are evidence, not state: the service never reads them. */
export interface AuditLog {
  /**
   * Writes a line before it returns; a power cut may take those of the last second. Texts are cut at 1,024 bytes as they are
   * written, lists after 100 entries.
   */
  readonly write: (entry: object) => void;
  /** Brings the last lines to the disk. */
  readonly close: () => Promise<void>;
}

/** One thing that a handler did or refused. */
export interface AuditFacts {
  /** `created`, `unchanged`, ... or an error code. */
  readonly outcome: string;
  readonly detail?: string;
  /** The name that a form gave the file, or that it had in the drop directory. */
  readonly file?: string;
  readonly batch?: string;
  /** The id of an upload in pieces. */
  readonly upload?: string;
  readonly nevra?: string;
  readonly sha256?: string;
  readonly sizeBytes?: number;
  readonly repositories?: readonly RepositoryName[];
}

const SYNC_EVERY_MS = 1_000;
const FILE_MODE = 0o640;
const NEWLINE = 0x0a;
// Enough for the URL of a build, and so little that texts which clients make up do not fill the disk.
const MAX_TEXT_BYTES = 1024;
const MAX_ENTRIES = 100;

/**
 * The file is opened for each line, so that a log rotation may rename or remove it at any moment.
 * @param onFailure gets the line that could not be written: the upload it tells of goes on.
 * @throws AppError CONFIG_INVALID when there can be no such file; a full disk is no reason.
 */
export function openAuditLog(path: string, onFailure: (error: unknown, line: string) => void): AuditLog {
  let timer: NodeJS.Timeout | undefined;
  let syncing: Promise<void> | undefined;
  let isBegun = false;
  try {
    begin();
  } catch (error) {
    if (toAppError(error).code !== 'STORAGE_FULL') throw notWritable(path, error);
  }

  return {
    write: (entry) => {
      const line = `${printable(JSON.stringify(entry, (_key, value: unknown) => bounded(value)))}\n`;
      try {
        if (!isBegun) begin();
        appendFileSync(path, line, { mode: FILE_MODE });
        timer ??= setTimeout(() => void syncNow(), SYNC_EVERY_MS);
      } catch (error) {
        // A full disk may have cut the line in half, or the directory may be gone.
        isBegun = false;
        onFailure(error, line);
      }
    },
    close: async () => {
      await syncing;
      if (timer !== undefined) await syncNow();
    },
  };

  /** A line that was left half-written must not swallow the next one. */
  function begin(): void {
    mkdirSync(dirname(path), { recursive: true });
    const descriptor = openSync(path, 'a+', FILE_MODE);
    try {
      const { size } = fstatSync(descriptor);
      const last = Buffer.alloc(1);
      if (size > 0) readSync(descriptor, last, 0, 1, size - 1);
      if (size > 0 && last[0] !== NEWLINE) appendFileSync(descriptor, '\n');
      isBegun = true;
    } finally {
      closeSync(descriptor);
    }
  }

  function syncNow(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    syncing = sync();
    return syncing;
  }

  async function sync(): Promise<void> {
    try {
      await using file = await open(path, 'a', FILE_MODE);
      await file.datasync();
    } catch (error) {
      // A device or a pipe needs no sync.
      if (errnoOf(error) !== 'EINVAL') onFailure(error, '');
    }
  }
}

function bounded(value: unknown): unknown {
  if (typeof value === 'string') return cutText(value, MAX_TEXT_BYTES);
  if (!Array.isArray(value) || value.length <= MAX_ENTRIES) return value;
  return [...value.slice(0, MAX_ENTRIES), `... ${value.length} in all`];
}

function notWritable(path: string, cause: unknown): AppError {
  return new AppError('CONFIG_INVALID', `access.audit_log: ${path} cannot be written (${errnoOf(cause)})`, {
    hint: 'Name a file in a directory that the user of the service may write to.',
    cause,
  });
}
