import { Worker } from 'node:worker_threads';
import { listPackages } from '../../src/storage/list-packages.ts';
import { digestOfFile } from '../../src/base/files/file-digest.ts';
import { createRepositoryLayout, type RepositoryLayout } from '../../src/storage/repository-layout.ts';
import { createCreaterepoEngine } from '../../src/indexing/engines/createrepo/createrepo-engine.ts';
import { findCreaterepo } from '../../src/indexing/find-createrepo.ts';
import { createIncrementalEngine } from '../../src/indexing/engines/incremental/incremental-engine.ts';
import type { IndexEngine } from '../../src/indexing/index-engine.ts';

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
    findCreaterepo: () => findCreaterepo(executable, process.env['PATH'] ?? ''),
    extraArguments: [],
    timeoutMs: options.timeoutMs ?? 60_000,
    listPackages,
    sha256Of: (path) => digestOfFile(path),
  });
}

/** The engine of our own, with its thread; the test that makes one closes it. */
export function incrementalEngine(stateDir: string, timeoutMs = 60_000): IndexEngine {
  return createIncrementalEngine({
    startThread: () =>
      new Worker(new URL('../../src/indexing/engines/incremental/index-thread.ts', import.meta.url), {
        workerData: { stateDir },
      }),
    concurrency: 1,
    timeoutMs,
  });
}
