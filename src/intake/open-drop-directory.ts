import { mkdir, readdir } from 'node:fs/promises';
import { AppError, errnoOf, toAppError } from '../errors.ts';
import { DirectoryWatch } from './drop/directory-watch.ts';
import { DroppedFiles, type DroppedFilesParts } from './drop/dropped-files.ts';
import { createMountCalls } from './drop/mount-calls.ts';
import { ScanSchedule } from './drop/scan-schedule.ts';
import type { Reach } from './drop/take-dropped-file.ts';

export interface DropDirectoryParts extends DroppedFilesParts {
  readonly scanning?: ScanOptions;
}

export interface ScanOptions {
  /** A scan finds within this time the files that events miss. */
  readonly everyMs?: number;
  /** False where the file system reports no changes. */
  readonly isWatched?: boolean;
  /** The longest wait for an answer of the directory's file system. */
  readonly answerMs?: number;
}

export interface DropDirectory {
  /** The fault that keeps the directory from being worked off now: never one of a single file. */
  readonly findFault: () => AppError | undefined;
  /** The files that stay where they are for a fault of their own; the log names each. */
  readonly countStuck: () => number;
  /** A file that is being read is left where it is; one that has been read is taken to its end, which this waits for. */
  readonly close: () => Promise<void>;
}

// Network file systems report no changes by other machines.
const SCAN_EVERY_MS = 10_000;
// Less than the copy of a body waits for its next chunk (STALL_MS), more than a disk takes to spin up.
const ANSWER_MS = 30_000;
// Files often come several at once: one scan for all of them.
const SOON_MS = 100;
// Uploads over HTTP must not wait meanwhile.
const AT_ONCE = 2;
// The umask takes from it; the administrator lets in who is to drop files (docs/operations.md).
const DIRECTORY_MODE = 0o770;

/**
 * Takes in the packages that are moved or copied into a directory, each as an upload: a file is removed when it was
 * taken, and moved into `rejected/` when it was refused. Events report new files; a scan now and then finds files that
 * they miss, and the directory itself when it was removed and made again.
 */
export function openDropDirectory(parts: DropDirectoryParts): DropDirectory {
  const { everyMs = SCAN_EVERY_MS, answerMs = ANSWER_MS } = parts.scanning ?? {};
  const stopping = new AbortController();
  const reach = { calls: createMountCalls(parts.path, answerMs), signal: stopping.signal };
  const schedule = new ScanSchedule(() => scans.scan(), everyMs);
  const scans = new DropScans(parts, reach, (delayMs) => schedule.scanWithin(delayMs));
  schedule.scanWithin(0);
  return {
    findFault: () => scans.findFault(),
    countStuck: () => scans.files.countStuck(),
    close: async () => {
      stopping.abort();
      scans.endWatch();
      await schedule.close();
    },
  };
}

/** Reads the names in the drop directory and has its files worked off. */
class DropScans {
  readonly files: DroppedFiles;
  readonly #parts: DropDirectoryParts;
  readonly #reach: Reach;
  readonly #watch: DirectoryWatch;
  #fault: AppError | undefined;
  #isFirst = true;

  constructor(parts: DropDirectoryParts, reach: Reach, scanWithin: (delayMs: number) => void) {
    this.#parts = parts;
    this.#reach = reach;
    this.files = new DroppedFiles(parts, reach, scanWithin);
    const onChange = (name: string | undefined): void => {
      if (name === undefined || isDropped(name)) scanWithin(SOON_MS);
    };
    this.#watch = new DirectoryWatch({ directory: parts.path, onChange, log: parts.report.log }, reach);
  }

  async scan(): Promise<void> {
    try {
      await this.#scanOnce();
      this.#noteSuccess();
    } catch (error) {
      this.#noteFailure(error);
    }
  }

  findFault(): AppError | undefined {
    return this.#fault ?? this.files.findFault();
  }

  endWatch(): void {
    this.#watch.close();
  }

  async #scanOnce(): Promise<void> {
    // Here, so that a start does not wait for a mount that hangs.
    if (this.#isFirst) await this.#makeDirectory();
    this.#isFirst = false;
    // Before the names are read, so that none can come between.
    if (this.#parts.scanning?.isWatched !== false) await this.#watch.follow();
    const all = await this.#reach.calls.within(() => readdir(this.#parts.path));
    const names = new Set(all.filter(isDropped));
    this.files.keepOnly(names);
    // All files are taken from the same list of names.
    const waiting = names.values();
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => this.#workOff(waiting)));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #makeDirectory(): Promise<void> {
    const { path, report } = this.#parts;
    try {
      await this.#reach.calls.within(() => mkdir(path, DIRECTORY_MODE));
    } catch (error) {
      // A directory that cannot be made now may be mounted later: the scans report it.
      if (errnoOf(error) !== 'EEXIST') {
        report.log.warn({ err: error, directory: path }, 'drop directory not made');
      }
    }
  }

  async #workOff(names: Iterable<string>): Promise<void> {
    for (const name of names) {
      if (this.#reach.signal.aborted || (await this.files.lookAt(name)) === 'blocked') return;
    }
  }

  #noteSuccess(): void {
    const { path: directory, report } = this.#parts;
    if (this.#fault !== undefined) report.log.info({ directory }, 'drop directory can be read again');
    this.#fault = undefined;
  }

  #noteFailure(error: unknown): void {
    const { path: directory, report } = this.#parts;
    const fault = notReadable(directory, error);
    if (this.#fault?.message !== fault.message) {
      const { code, hint } = fault;
      report.log.error({ directory, code, hint, err: fault }, 'drop directory not read');
    }
    this.#fault = fault;
    this.#watch.close();
  }
}

/** Temporary names of rsync (.x.rpm.AbC123) and of SFTP clients (x.rpm.filepart, x.rpm.part) do not match. */
function isDropped(name: string): boolean {
  return name.endsWith('.rpm') && !name.startsWith('.');
}

function notReadable(directory: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const { code } = toAppError(cause);
  return new AppError(
    code,
    `the drop directory ${directory} cannot be read (${errnoOf(cause) ?? 'no reason given'})`,
    {
      hint: 'Make it, mount it, or let the user of the service read and write it: install -d -o <user> -g <group> -m 2770 <directory>.',
      cause,
    },
  );
}
