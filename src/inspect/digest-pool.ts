import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import type { DigestJob, FileDigests } from './digest-file.ts';
import type { DigestAnswer } from './digest-worker.ts';

/** Worker threads that hash large files, so that the main thread stays free for other uploads. */
export interface DigestPool {
  readonly digest: (job: DigestJob) => Promise<FileDigests>;
  readonly close: () => Promise<void>;
}

/** A pool of one thread a core; each starts with its first job. */
export function createDigestPool(threads = availableParallelism()): DigestPool {
  const idle: Worker[] = [];
  const workers = new Set<Worker>();
  const inThread = pLimit(threads);

  return {
    digest: (job) => inThread(() => runIn(idle.pop() ?? startWorker(), job)),
    close: async () => {
      await Promise.all([...workers].map((worker) => worker.terminate()));
    },
  };

  function startWorker(): Worker {
    // In a checkout this file is TypeScript, in a published package JavaScript; the worker lies beside it.
    const worker = new Worker(new URL(`./digest-worker${extname(import.meta.url)}`, import.meta.url), {
      // It holds one chunk of a file; without limits its heap would grow to what a whole service may take.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
    });
    workers.add(worker);
    worker.on('exit', () => {
      workers.delete(worker);
      if (idle.includes(worker)) idle.splice(idle.indexOf(worker), 1);
    });
    // The job it was at rejects by the same event; an idle worker has nobody else who listens.
    worker.on('error', () => undefined);
    return worker;
  }

  async function runIn(worker: Worker, job: DigestJob): Promise<FileDigests> {
    worker.postMessage(job);
    // A worker that dies emits 'error', which rejects here; it does not become idle again.
    const [answer]: DigestAnswer[] = await once(worker, 'message');
    idle.push(worker);
    if (answer !== undefined && 'digests' in answer) return answer.digests;
    throw answer?.error instanceof Error ? Object.assign(answer.error, answer.fields) : answer?.error;
  }
}
