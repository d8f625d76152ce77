import { rmSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../base/files/if-there.ts';
import { type SpoolFileKind, spoolFileKind } from '../storage/spool-file-name.ts';

/**
 * Older spool files have no use any more: nginx removes its own after each request and the service removes its own on
 * failure, so only a crash leaves one. A day, because a slow upload may write to its file as rarely as that.
 */
const SPOOL_LEFTOVER_MS = 24 * 3_600_000;

// nginx may be writing to its own.
const OWN_KINDS: ReadonlySet<SpoolFileKind | undefined> = new Set(['stream', 'probe']);

/**
 * Removes the files that a former process left in `incoming` and its half-streamed bodies. Only the tree's owner may
 * call it.
 */
export async function sweepAtStart(folders: {
  readonly spoolDir: string;
  readonly incomingDir: string;
}): Promise<number> {
  const incoming = (await readdir(folders.incomingDir)).map((name) => join(folders.incomingDir, name));
  const streamed = (await readdir(folders.spoolDir))
    .filter((name) => OWN_KINDS.has(spoolFileKind(name)))
    .map((name) => join(folders.spoolDir, name));
  removeAll([...incoming, ...streamed]);
  return incoming.length + streamed.length;
}

/** Removes the files that index runs of a killed process left in `scratch`. Only the tree's owner may call it. */
export async function sweepScratch(scratchRoot: string): Promise<number> {
  const names = await readdir(scratchRoot);
  removeAll(names.map((name) => join(scratchRoot, name)));
  return names.length;
}

/** Removes spool files that no program has written to for a day; gives their number. */
export async function sweepSpool(spoolDir: string, nowMs: number): Promise<number> {
  let removed = 0;
  for (const name of await readdir(spoolDir)) {
    if (spoolFileKind(name) === undefined) continue;
    const path = join(spoolDir, name);
    const stats = await ifThere(stat(path));
    if (stats === undefined || nowMs - stats.mtimeMs < SPOOL_LEFTOVER_MS) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}

/**
 * Removes each of them, then throws the first error. Root may call this as another user and be root again afterwards,
 * so nothing may go on once it has failed: rm() of node:fs/promises rejects while it still removes the siblings of what
 * failed.
 */
function removeAll(paths: readonly string[]): void {
  const errors: unknown[] = [];
  for (const path of paths) {
    try {
      // Directories too: the service makes none in incoming, but one that was put there by hand must not keep it from
      // starting.
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
