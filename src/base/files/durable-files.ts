import { closeSync, constants, fsync, openSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

// Calls that only touch cached metadata are synchronous on the way of an upload (docs/decisions/0007): only what waits
// for the disk goes through the thread pool.
const syncDescriptor = promisify(fsync);

// A web server that runs as another user reads published files.
const PUBLIC_MODE = 0o644;
// Never through a link that another user put under the name: the service would overwrite another one of its files.
const WRITE_OVER = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** Writes a file's data and metadata to the disk. */
export async function syncFile(path: string): Promise<void> {
  const descriptor = openSync(path, 'r');
  try {
    await syncDescriptor(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Writes a directory's entries to the disk: a new or renamed name survives a power cut only after this. */
export const syncDirectory = syncFile;

/**
 * Creates a directory and its missing parents, and makes every new name durable, the outermost last.
 * @param mode of what is created, less the umask.
 */
export async function makeDirectoryDurable(path: string, mode = 0o777): Promise<void> {
  const outermost = await mkdir(path, { recursive: true, mode });
  if (outermost === undefined) return;
  for (let created = path; created.length >= outermost.length; created = dirname(created)) {
    await syncDirectory(dirname(created));
  }
}

/**
 * Writes a small file that every user may read, with any umask, over a file that may lie there. Its bytes are on the
 * disk then; its name only after a syncDirectory.
 * @param modifiedSeconds the time of its last change, as a whole second of Unix time; the clock's when it is left out.
 */
export async function writeDurable(path: string, text: string, modifiedSeconds?: number): Promise<void> {
  await using file = await open(path, WRITE_OVER, PUBLIC_MODE);
  await file.writeFile(text);
  await file.chmod(PUBLIC_MODE);
  if (modifiedSeconds !== undefined) await file.utimes(modifiedSeconds, modifiedSeconds);
  await file.sync();
}

/**
 * The same in one step: readers see the old file or the new one, whole, and so does a start after a power cut. Makes a
 * missing directory.
 */
export async function replaceDurable(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  await makeDirectoryDurable(directory);
  const temporary = join(directory, `.${basename(path)}.new`);
  await writeDurable(temporary, text);
  await rename(temporary, path);
  await syncDirectory(directory);
}

/**
 * A syncDirectory that callers of the same directory share. An fsync only covers what was there when it began, so a
 * caller that asks while one runs joins the next one. Many parallel uploads then cost a few fsyncs, not one each.
 */
export function createSharedDirectorySync(sync = syncDirectory): (path: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const next = new Map<string, Promise<void>>();

  return (path) => {
    const current = running.get(path);
    if (current === undefined) return start(path);
    const waiting = next.get(path) ?? current.then(noop, noop).then(() => start(path));
    next.set(path, waiting);
    return waiting;
  };

  function start(path: string): Promise<void> {
    next.delete(path);
    const mine = sync(path).finally(() => running.delete(path));
    running.set(path, mine);
    return mine;
  }
}

function noop(): void {
  // The failure of one fsync belongs to the callers that waited for it, not to those of the next.
}
