import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { WorkerPool } from '../base/threads/worker-pool.ts';
import { type DigestJob, digestFile, type FileDigests } from './inspect/digest-file.ts';
import { type HeaderJob, type PackageFacts, readHeader } from './read-header.ts';

/** The threads for the slow parts of an inspection. */
export interface InspectionThreads {
  readonly readHeader: (job: HeaderJob) => Promise<PackageFacts>;
  readonly digest: (job: DigestJob) => Promise<FileDigests>;
  readonly close: () => Promise<void>;
}

// One header at a time: they take up to 320 MiB each, and this bounds what uploads at the same time come to.
const HEADER_THREADS = 1;
// A thread takes a fifth of a second to start; ended, it gives back what a big header took.
const HEADER_IDLE_MS = 60_000;

/** Worker threads, so that the main thread stays free for other uploads: one for headers, one a core that hashes. */
export function createInspectionThreads(digestThreads = availableParallelism()): InspectionThreads {
  const headers = new WorkerPool<HeaderJob, PackageFacts>(
    HEADER_THREADS,
    // A header's bytes lie outside of the heap.
    () => startWorker('header-worker', { maxYoungGenerationSizeMb: 2 }),
    { idleMs: HEADER_IDLE_MS },
  );
  const digests = new WorkerPool<DigestJob, FileDigests>(digestThreads, () =>
    // It holds one chunk of a file; without limits its heap would grow to what a whole service may take.
    startWorker('digest-worker', { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }),
  );
  return {
    readHeader: (job) => headers.run(job),
    digest: (job) => digests.run(job),
    close: async () => {
      await Promise.all([headers.close(), digests.close()]);
    },
  };
}

/** Does everything in the calling thread, for a command that has nothing else to do. */
export const NO_THREADS: InspectionThreads = {
  readHeader: async (job) => readHeader(job),
  digest: async (job) => digestFile(job),
  close: async () => undefined,
};

function startWorker(name: string, resourceLimits: Worker['resourceLimits']): Worker {
  // In a checkout this file is TypeScript, in a published package JavaScript; the workers lie beside it.
  return new Worker(new URL(`./inspect/${name}${extname(import.meta.url)}`, import.meta.url), {
    resourceLimits,
  });
}
