import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import { fromFailure, type WorkerMessage } from './worker-messages.ts';

/** Worker threads that do jobs, one each at a time, so that the calling thread stays free. */
export interface WorkerPool<Job, Answer, Progress = never> {
  /**
   * @throws the error of the job, the signal's reason (the thread is then ended), or an Error of a thread that died.
   */
  readonly run: (job: Job, options?: JobOptions<Progress>) => Promise<Answer>;
  /** Ends every thread; jobs under way, and all that come later, reject. */
  readonly close: () => Promise<void>;
}

export interface JobOptions<Progress> {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** How long to wait for a thread that is ended. */
export const END_LIMIT_MS = 5_000;

/**
 * A pool of at most `size` threads; each starts with its first job. Their code calls answerJobs().
 * @param idleMs a thread without a job for this long is ended, which gives its memory back.
 */
export function createWorkerPool<Job, Answer, Progress = never>(
  size: number,
  start: () => Worker,
  idleMs = Number.POSITIVE_INFINITY,
): WorkerPool<Job, Answer, Progress> {
  const idle: Worker[] = [];
  const endings = new Map<Worker, NodeJS.Timeout>();
  const workers = new Set<Worker>();
  const inThread = pLimit(size);
  let isClosed = false;

  return {
    run: (job, options = {}) =>
      inThread(() => {
        // Checked before a thread is taken, which would be lost otherwise.
        options.signal?.throwIfAborted();
        // Waiting jobs get their turn when those under way reject, and would start threads that nothing ends.
        if (isClosed) throw new Error('the worker pool is closed');
        return runIn(takeIdle() ?? startWorker(), job, options);
      }),
    close: async () => {
      isClosed = true;
      await Promise.all([...workers].map((worker) => worker.terminate()));
    },
  };

  function takeIdle(): Worker | undefined {
    const worker = idle.pop();
    if (worker !== undefined) clearTimeout(endings.get(worker));
    return worker;
  }

  function becomeIdle(worker: Worker): void {
    idle.push(worker);
    if (idleMs === Number.POSITIVE_INFINITY) return;
    endings.set(worker, setTimeout(() => end(worker), idleMs).unref());
  }

  function end(worker: Worker): void {
    if (!idle.includes(worker)) return;
    idle.splice(idle.indexOf(worker), 1);
    worker.terminate().catch(() => undefined);
  }

  function startWorker(): Worker {
    const worker = start();
    workers.add(worker);
    worker.on('exit', () => {
      workers.delete(worker);
      clearTimeout(endings.get(worker));
      endings.delete(worker);
      if (idle.includes(worker)) idle.splice(idle.indexOf(worker), 1);
    });
    // The job that the thread was doing rejects by the same event, and 'exit' comes only later: the next job must not
    // get this worker.
    worker.on('error', () => workers.delete(worker));
    return worker;
  }

  async function runIn(
    worker: Worker,
    job: Job,
    { signal, onProgress }: JobOptions<Progress>,
  ): Promise<Answer> {
    const settled = Promise.withResolvers<Answer>();
    const onMessage = (message: WorkerMessage<Answer, Progress>): void => {
      if ('progress' in message) onProgress?.(message.progress);
      else if ('answer' in message) settled.resolve(message.answer);
      else settled.reject(fromFailure(message.failure));
    };
    const onExit = (): void =>
      settled.reject(signal?.reason ?? new Error('the worker thread ended before its job'));
    const onAbort = (): void => {
      // The caller may remove the files that the thread works on, so the thread must have ended before the caller
      // learns of the abort; a call that hangs is not waited for.
      const ended = Promise.race([worker.terminate(), sleep(END_LIMIT_MS, undefined, { ref: false })]);
      ended.then(
        () => settled.reject(signal?.reason),
        () => settled.reject(signal?.reason),
      );
    };
    worker.on('message', onMessage).on('error', settled.reject).on('exit', onExit);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      worker.postMessage(job);
      return await settled.promise;
    } finally {
      worker.off('message', onMessage).off('error', settled.reject).off('exit', onExit);
      signal?.removeEventListener('abort', onAbort);
      if (workers.has(worker) && signal?.aborted !== true) becomeIdle(worker);
    }
  }
}
