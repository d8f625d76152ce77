import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { AppError, errnoOf, toAppError } from '../errors.ts';
import { createDroppedFiles, type DroppedFilesParts } from './drop/create-dropped-files.ts';
import { createMountCalls } from './drop/mount-calls.ts';

export interface DropDirectoryParts extends DroppedFilesParts {
  /** What events miss is found after this long. */
  readonly scanEveryMs?: number;
  /** False where nothing tells of changes. */
  readonly isWatched?: boolean;
  /** The longest wait for the file system of the directory to answer a call. */
  readonly answerMs?: number;
}

export interface DropDirectory {
  /** What keeps it from being worked off now: never what is the matter with a single file. */
  readonly findFault: () => AppError | undefined;
  /** The files that stay where they are for a fault of their own; the log names each. */
  readonly countStuck: () => number;
  /** A file that is being read is left where it is; one that has been read is taken to its end, which this waits for. */
  readonly close: () => Promise<void>;
}

// Network file systems tell nothing of what other machines do.
const SCAN_EVERY_MS = 10_000;
// Less than whoever copies a body waits for its next chunk (STALL_MS), more than a disk takes to spin up.
const ANSWER_MS = 30_000;
// Files often come several at once: one scan for all of them.
const SOON_MS = 100;
// What others send over HTTP meanwhile must not wait.
const AT_ONCE = 2;
// The umask takes from it; whoever is to drop files is let in by whoever sets the directory up (docs/operations.md).
const DIRECTORY_MODE = 0o770;

/**
 * Takes in the packages that are moved or copied into a directory, each as an upload: it is removed when it was taken, and
 * moved into `rejected/` when it was refused. Events tell of new files; a scan now and then finds what they miss, and the
 * directory itself when it was removed and made again.
 */
export function openDropDirectory(parts: DropDirectoryParts): DropDirectory {
  const { path: directory, log, scanEveryMs = SCAN_EVERY_MS, isWatched = true, answerMs = ANSWER_MS } = parts;
  const calls = createMountCalls(directory, answerMs);
  const stopping = new AbortController();
  const { signal } = stopping;
  const files = createDroppedFiles(parts, { calls, signal }, scanWithin);
  let fault: AppError | undefined;
  let watcher: { readonly of: string; readonly close: () => void } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let timerAtMs = Number.POSITIVE_INFINITY;
  let scanning: Promise<void> | undefined;
  let isWantedAgain = false;
  let isFirstScan = true;

  scanWithin(0);

  return {
    findFault: () => fault ?? files.findFault(),
    countStuck: files.countStuck,
    close: async () => {
      stopping.abort();
      clearTimeout(timer);
      watcher?.close();
      await scanning;
    },
  };

  async function makeDirectory(): Promise<void> {
    try {
      await calls.within(() => mkdir(directory, DIRECTORY_MODE));
    } catch (error) {
      // One that cannot be made now may be mounted later: the scans tell of it.
      if (errnoOf(error) !== 'EEXIST') log.warn({ err: error, directory }, 'drop directory not made');
    }
  }

  function scanWithin(delayMs: number): void {
    const atMs = performance.now() + delayMs;
    if (signal.aborted || timerAtMs <= atMs) return;
    clearTimeout(timer);
    timerAtMs = atMs;
    timer = setTimeout(startScan, delayMs);
  }

  function startScan(): void {
    timerAtMs = Number.POSITIVE_INFINITY;
    isWantedAgain = scanning !== undefined;
    if (isWantedAgain) return;
    scanning = scan()
      .then(noteSuccess, noteFailure)
      .finally(() => {
        scanning = undefined;
        scanWithin(isWantedAgain ? SOON_MS : scanEveryMs);
      });
  }

  async function scan(): Promise<void> {
    // Here, so that a start does not wait for a mount that hangs.
    if (isFirstScan) await makeDirectory();
    isFirstScan = false;
    // Before the names are read, so that none can come between.
    await watchDirectory();
    const names = new Set((await calls.within(() => readdir(directory))).filter(isDropped));
    files.keepOnly(names);
    // All take from the same names.
    const waiting = names.values();
    const ends = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => workOff(waiting)));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async function workOff(names: Iterable<string>): Promise<void> {
    for (const name of names) {
      if (signal.aborted || (await files.lookAt(name)) === 'blocked') return;
    }
  }

  function noteSuccess(): void {
    if (fault !== undefined) log.info({ directory }, 'drop directory can be read again');
    fault = undefined;
  }

  function noteFailure(error: unknown): void {
    const found = notReadable(directory, error);
    if (fault?.message !== found.message) {
      log.error({ directory, code: found.code, hint: found.hint, err: found }, 'drop directory not read');
    }
    fault = found;
    watcher?.close();
    watcher = undefined;
  }

  /** Anew when another directory is there now; an inode number may be reused. */
  async function watchDirectory(): Promise<void> {
    const { dev, ino, birthtimeNs } = await calls.within(() => stat(directory, { bigint: true }));
    const of = `${dev}-${ino}-${birthtimeNs}`;
    if (!isWatched || watcher?.of === of || signal.aborted) return;
    watcher?.close();
    const events = startWatch();
    watcher = { of, close: () => events?.close() };
  }

  /** Undefined when there can be none: the scans go on. */
  function startWatch(): FSWatcher | undefined {
    try {
      return watch(directory, (event, name) => {
        // 'rename' is a name that came or went. That somebody writes needs no event: a file that was seen once and still
        // grows is looked at when it could be settled.
        if (event === 'rename' && (name === null || isDropped(name))) scanWithin(SOON_MS);
      }).on('error', noteUnwatched);
    } catch (error) {
      noteUnwatched(error);
      return undefined;
    }
  }

  function noteUnwatched(error: unknown): void {
    log.warn({ err: error, directory }, 'drop directory is not watched, only scanned now and then');
  }
}

/** Temporary names of rsync (.x.rpm.AbC123) and of SFTP clients (x.rpm.filepart, x.rpm.part) are none. */
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
