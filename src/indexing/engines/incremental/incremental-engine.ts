import type { Worker } from 'node:worker_threads';
import { AppError, errnoOf } from '../../../errors.ts';
import { WorkerPool } from '../../../base/threads/worker-pool.ts';
import type { BuiltIndex, IndexEngine, IndexJob, IndexProgress } from '../../index-engine.ts';

export interface IncrementalOptions {
  /** Starts a thread that does buildIndex() for each job. */
  readonly startThread: () => Worker;
  /** Repositories that are indexed at the same time. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** A thread without a job for this long is ended. */
  readonly idleMs?: number;
  /** A thread that described more than so many in one run is ended after it. */
  readonly manyPackages?: number;
}

// After this time the service has the memory of an idle one again. The next run starts a thread and reads the state of
// the index from the disk; builds of one job come closer together than this.
const IDLE_MS = 300_000;
// Describing 20,000 packages leaves 130 MB with the thread and those that it started, which one package more would come on top of.
// Runs after uploads describe fewer, and the thread stays.
const MANY_PACKAGES = 2_000;

/** The engine of the service itself: it describes what changed, and copies everything else from the published files. */
export function createIncrementalEngine(options: IncrementalOptions): IndexEngine {
  const threads = new WorkerPool<IndexJob, BuiltIndex, IndexProgress>(
    options.concurrency,
    options.startThread,
    {
      idleMs: options.idleMs ?? IDLE_MS,
      isSpent: ({ described }) => described.size > (options.manyPackages ?? MANY_PACKAGES),
    },
  );

  return {
    isCheapWhenUnchanged: true,
    build: async (job, { signal, onProgress }) => {
      const timeout = AbortSignal.timeout(options.timeoutMs);
      try {
        return await threads.run(job, { signal: AbortSignal.any([signal, timeout]), onProgress });
      } catch (error) {
        if (signal.aborted) throw ended('because the service is stopping', error);
        if (timeout.aborted) {
          throw ended(`after ${options.timeoutMs / 1000} s (index_updater.timeout_seconds)`, error);
        }
        if (error instanceof AppError || errnoOf(error) !== undefined) throw error;
        throw ended('by an unexpected fault', error);
      }
    },
    findFault: async () => undefined,
    close: () => threads.close(),
  };
}

function ended(why: string, cause: unknown): AppError {
  return new AppError('INDEX_FAILED', `the index run was ended ${why}`, {
    hint: 'The former index stays and the run is tried again; the server log has the cause.',
    cause,
  });
}
