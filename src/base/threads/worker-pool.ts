import type { Worker } from 'node:worker_threads';
import pLimit, { type LimitFunction } from 'p-limit';
import { waitAtMost } from '../turns/wait-at-most.ts';
import { fromFailure, type WorkerMessage } from './worker-messages.ts';

export interface JobOptions<Progress> {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** How long a thread that is ended is waited for. */
export const END_LIMIT_MS = 5_000;

/** When a thread is ended, which gives its memory back. */
export interface ThreadLife<Answer> {
  /** After so long without a job; never by default. */
  readonly idleMs?: number;
  /** At once after a job that left it larger than the next ones need it; never by default. */
  readonly isSpent?: (answer: Answer) => boolean;
}

/**
 * At most `size` worker threads that do jobs, one each at a time, so that the calling thread stays free. Each starts with its
 * first job. Their code calls answerJobs().
 */
export class WorkerPool<Job, Answer, Progress = never> {
  readonly #start: () => Worker;
  readonly #life: Required<ThreadLife<Answer>>;
  readonly #inThread: LimitFunction;
  readonly #workers = new Set<Worker>();
  readonly #idle: Worker[] = [];
  readonly #endings = new Map<Worker, NodeJS.Timeout>();
  #isClosed = false;

  constructor(size: number, start: () => Worker, life: ThreadLife<Answer> = {}) {
    this.#start = start;
    this.#life = { idleMs: Number.POSITIVE_INFINITY, isSpent: () => false, ...life };
    this.#inThread = pLimit(size);
  }

  /** @throws the error of the job, the signal's reason (the thread is then ended), or an Error of a thread that died. */
  run(job: Job, options: JobOptions<Progress> = {}): Promise<Answer> {
    return this.#inThread(() => {
      // Checked before a thread is taken, which would be lost otherwise.
      options.signal?.throwIfAborted();
      // Waiting jobs get their turn when those under way reject, and would start threads that nothing ends.
      if (this.#isClosed) throw new Error('the worker pool is closed');
      return this.#runIn(this.#takeIdle() ?? this.#startWorker(), job, options);
    });
  }

  /** Ends every thread; jobs under way, and all that come later, reject. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  #takeIdle(): Worker | undefined {
    const worker = this.#idle.pop();
    if (worker !== undefined) clearTimeout(this.#endings.get(worker));
    return worker;
  }

  #becomeIdle(worker: Worker): void {
    this.#idle.push(worker);
    const { idleMs } = this.#life;
    if (idleMs === Number.POSITIVE_INFINITY) return;
    this.#endings.set(worker, setTimeout(() => this.#endIdle(worker), idleMs).unref());
  }

  #endIdle(worker: Worker): void {
    if (!this.#idle.includes(worker)) return;
    this.#idle.splice(this.#idle.indexOf(worker), 1);
    end(worker);
  }

  #startWorker(): Worker {
    const worker = this.#start();
    this.#workers.add(worker);
    worker.on('exit', () => {
      this.#workers.delete(worker);
      clearTimeout(this.#endings.get(worker));
      this.#endings.delete(worker);
      if (this.#idle.includes(worker)) this.#idle.splice(this.#idle.indexOf(worker), 1);
    });
    // The job it was at rejects by the same event, and 'exit' comes only later: the next job must not get this worker.
    worker.on('error', () => this.#workers.delete(worker));
    return worker;
  }

  async #runIn(worker: Worker, job: Job, { signal, onProgress }: JobOptions<Progress>): Promise<Answer> {
    const settled = Promise.withResolvers<Answer>();
    const onMessage = (message: WorkerMessage<Answer, Progress>): void => {
      if ('progress' in message) onProgress?.(message.progress);
      else if ('answer' in message) settled.resolve(message.answer);
      else settled.reject(fromFailure(message.failure));
    };
    const onExit = (): void =>
      settled.reject(signal?.reason ?? new Error('the worker thread ended before its job'));
    const reject = (): void => settled.reject(signal?.reason);
    const onAbort = (): void => {
      // The caller may remove what the thread works on, so it must be gone; a call that hangs is not waited for.
      waitAtMost(END_LIMIT_MS, worker.terminate(), () => undefined, { ref: false }).then(reject, reject);
    };
    worker.on('message', onMessage).on('error', settled.reject).on('exit', onExit);
    signal?.addEventListener('abort', onAbort, { once: true });
    let isKept = true;
    try {
      worker.postMessage(job);
      const answer = await settled.promise;
      isKept = !this.#life.isSpent(answer);
      return answer;
    } finally {
      worker.off('message', onMessage).off('error', settled.reject).off('exit', onExit);
      signal?.removeEventListener('abort', onAbort);
      if (!isKept) end(worker);
      else if (this.#workers.has(worker) && signal?.aborted !== true) this.#becomeIdle(worker);
    }
  }
}

function end(worker: Worker): void {
  worker.terminate().catch(() => undefined);
}
