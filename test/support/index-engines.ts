import { Worker } from 'node:worker_threads';
import { listPackages } from '../../src/place/list-packages.ts';
import { createPackageStore } from '../../src/place/package-store.ts';
import { createRepositoryLayout, type RepositoryLayout } from '../../src/place/repository-layout.ts';
import { createCreaterepoEngine } from '../../src/reindex/createrepo-engine.ts';
import { findExecutable } from '../../src/reindex/find-executable.ts';
import { createIncrementalEngine } from '../../src/reindex/incremental-engine.ts';
import type { IndexEngine } from '../../src/reindex/index-engine.ts';

/** A layout for tests that place packages by hand. */
export function plainLayout(topDir: string): RepositoryLayout {
  return createRepositoryLayout({
    topDir,
    releaseverPatterns: [],
    noarchBasearches: ['x86_64'],
    multilib: new Map(),
  });
}

/** The engine that runs createrepo_c, or what `executable` names instead. */
export function createrepoEngine(
  options: { readonly executable?: string; readonly timeoutMs?: number } = {},
): IndexEngine {
  const executable = options.executable ?? 'createrepo_c';
  return createCreaterepoEngine({
    executable,
    findExecutable: () => findExecutable(executable, process.env['PATH'] ?? ''),
    extraArguments: [],
    timeoutMs: options.timeoutMs ?? 60_000,
    listPackages,
    sha256Of: (path) => createPackageStore(plainLayout('/nonexistent')).sha256Of(path),
  });
}

/** The engine of our own, with its thread; whoever makes one closes it. */
export function incrementalEngine(stateDir: string, timeoutMs = 60_000): IndexEngine {
  return createIncrementalEngine({
    startThread: () =>
      new Worker(new URL('../../src/index-thread.ts', import.meta.url), { workerData: { stateDir } }),
    concurrency: 1,
    timeoutMs,
  });
}
