import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createWorkerPool } from '../threads/worker-pool.ts';
import type { DigestJob, FileDigests } from './digest-file.ts';

/** Worker threads that hash large files, so that the main thread stays free for other uploads. */
export interface DigestPool {
  readonly digest: (job: DigestJob) => Promise<FileDigests>;
  readonly close: () => Promise<void>;
}

/** A pool of one thread a core. */
export function createDigestPool(threads = availableParallelism()): DigestPool {
  const pool = createWorkerPool<DigestJob, FileDigests>(threads, startWorker);
  return { digest: (job) => pool.run(job), close: pool.close };
}

function startWorker(): Worker {
  // In a checkout this file is TypeScript, in a published package JavaScript; the worker lies beside it.
  return new Worker(new URL(`./digest-worker${extname(import.meta.url)}`, import.meta.url), {
    // It holds one chunk of a file; without limits its heap would grow to what a whole service may take.
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  });
}
