import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Config } from '../base/config/load.ts';
import { digestOfFile } from '../base/files/file-digest.ts';
import { listPackages } from '../storage/list-packages.ts';
import { createCreaterepoEngine } from './engines/createrepo/createrepo-engine.ts';
import { createIncrementalEngine } from './engines/incremental/incremental-engine.ts';
import { findCreaterepo } from './find-createrepo.ts';
import type { IndexEngine } from './index-engine.ts';

export interface EngineOptions
  extends Pick<Config['reindex'], 'engine' | 'executable' | 'extraArguments' | 'timeoutMs' | 'concurrency'> {
  readonly stateDir: string;
}

/** The engine that the configuration names. */
export function openEngine(options: EngineOptions): IndexEngine {
  const { executable, stateDir } = options;
  if (options.engine === 'createrepo') {
    return createCreaterepoEngine({
      ...options,
      findCreaterepo: () => findCreaterepo(executable, process.env['PATH'] ?? ''),
      listPackages,
      sha256Of: (path) => digestOfFile(path),
    });
  }
  // In a checkout this file is TypeScript, in a published package JavaScript; so is the thread's.
  const thread = new URL(`./engines/incremental/index-thread${extname(import.meta.url)}`, import.meta.url);
  return createIncrementalEngine({
    ...options,
    startThread: () => new Worker(thread, { workerData: { stateDir } }),
  });
}
