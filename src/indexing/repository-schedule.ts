import pDebounce from 'p-debounce';
import { AppError, toAppError } from '../errors.ts';
import type { IndexProgress, IndexRun } from './index-engine.ts';
import { pauseAfter } from '../base/turns/pause-after.ts';
import { waitAtMost } from '../base/turns/wait-at-most.ts';
import type { Marks } from '../storage/marks.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** The result of a run. */
export interface PublishedIndex {
  readonly packageCount: number;
  readonly revision: string;
  /** Bytes of the files that repomd.xml names. */
  readonly indexBytes: number;
}

export type RepositoryState = 'clean' | 'waiting' | 'running' | 'failed';

export interface RepositoryStatus {
  readonly repository: RepositoryName;
  readonly state: RepositoryState;
  readonly published: PublishedIndex | undefined;
  readonly lastError: AppError | undefined;
  /** When the oldest request came that no run covers yet. */
  readonly waitingSinceMs: number | undefined;
  /** Progress of the run under way, as far as it tells. */
  readonly progress: IndexProgress | undefined;
}

/** When runs begin. */
export interface RunTimes {
  readonly quietMs: number;
  readonly maxWaitMs: number;
  /** Pauses before the first, second, ... retry of a failed run; the last one repeats. */
  readonly retryPausesMs: readonly number[];
}

export interface RepositoryScheduleOptions {
  readonly times: RunTimes;
  readonly marks: Marks;
  /** Rebuilds and publishes the repository's index; rejects with an AppError. */
  readonly run: (repository: RepositoryName, run: IndexRun) => Promise<PublishedIndex>;
  /** Cleans up after a run, before the next one; no request waits for it. It reports its own failures. */
  readonly tidy: (repository: RepositoryName) => Promise<void>;
  /** Runs a task when one of the common slots is free. */
  readonly inSlot: <T>(task: () => Promise<T>) => Promise<T>;
  readonly onFailure: (repository: RepositoryName, error: AppError) => void;
}

interface Waiter {
  readonly request: number;
  readonly settle: (result: 'published' | 'pending' | AppError) => void;
}

/**
 * The reindexing of one repository: requests gather during a quiet time, then one run covers all of them. Requests are
 * counted, and a run covers those that were counted when it began, so a request during a run is never lost and causes
 * exactly one more run. Only #work starts runs, one after the other, so two can never overlap.
 */
export class RepositorySchedule {
  readonly #repository: RepositoryName;
  readonly #options: RepositoryScheduleOptions;
  readonly #abort: AbortController;

  #requested = 0;
  /** The number of the last request that a client waits for; later ones only look for changes. */
  #awaited = 0;
  #covered = 0;
  #placing = 0;
  #isMarked = false;
  #marking: Promise<void> = Promise.resolve();

  #isWorking = false;
  #work: Promise<void> = Promise.resolve();
  #isRunning = false;
  /** Of the run that began last; it never fails. */
  #run: Promise<void> = Promise.resolve();
  #holders = 0;
  /** Settles when the run that waits for the holders has ended. */
  #dueRun: PromiseWithResolvers<void> | undefined;
  #release: () => void = () => undefined;
  #progress: IndexProgress | undefined;
  #failures = 0;
  #lastError: AppError | undefined;
  #published: PublishedIndex | undefined;

  /** Of the first request since the last run began: the longest wait counts from it. */
  #waitingSinceMs: number | undefined;
  /** Time of the oldest request that is not published, also after runs that failed. */
  #oldestRequestMs: number | undefined;
  #isQuiet = false;
  #isHurried = false;
  #isRetryAskedFor = false;
  readonly #closing = new AbortController();
  /** Makes the pause compute its length again. */
  #wake: () => void = () => undefined;
  readonly #noteQuiet: () => Promise<void>;
  #waiters: readonly Waiter[] = [];

  constructor(repository: RepositoryName, options: RepositoryScheduleOptions) {
    this.#repository = repository;
    this.#options = options;
    this.#abort = new AbortController();
    this.#noteQuiet = pDebounce(() => this.#becomeQuiet(), options.times.quietMs, {
      signal: this.#closing.signal,
    });
  }

  status(): RepositoryStatus {
    return {
      repository: this.#repository,
      state: this.#state(),
      published: this.#published,
      lastError: this.#lastError,
      waitingSinceMs: this.#oldestRequestMs,
      progress: this.#progress,
    };
  }

  /** Tells what was published before this process began. */
  restore(published: PublishedIndex): void {
    this.#published ??= published;
  }

  /**
   * Runs `place` under a durable mark and requests a run afterwards, also when it failed: part of its work may be on
   * disk. A run that began before `place` ended never clears the mark.
   */
  async whileMarked<T>(place: () => Promise<T>): Promise<T> {
    this.#placing += 1;
    try {
      await this.#mark();
      return await place();
    } finally {
      this.#placing -= 1;
      this.request();
    }
  }

  /** Runs `task` after the run under way has ended; none begins before the task has. */
  async whileHeld<T>(task: () => Promise<T>): Promise<T> {
    // A run that waits for holders comes before new ones: tasks that follow each other would put it off for ever.
    await this.#dueRun?.promise;
    this.#holders += 1;
    try {
      await this.#run;
      return await task();
    } finally {
      this.#holders -= 1;
      if (this.#holders === 0) this.#release();
    }
  }

  /** Requests a run for a package or a change that is not in the index yet. */
  request(): void {
    this.#awaited = this.#requested + 1;
    this.#waitingSinceMs ??= Date.now();
    this.#oldestRequestMs ??= this.#waitingSinceMs;
    this.look();
  }

  /**
   * Requests a run that looks for changes by hand: as far as the service knows the index is right, and no client waits.
   */
  look(): void {
    this.#requested += 1;
    this.#waitingSinceMs ??= Date.now();
    this.#isQuiet = false;
    if (this.#closing.signal.aborted) return;
    // It rejects when the queue closes; then no caller waits for it any more.
    this.#noteQuiet().catch(noop);
    if (!this.#isWorking) this.#work = this.#workOff();
  }

  /** Ends the quiet time of the requests so far. The pause after a failure stays: many clients may ask for this. */
  hurry(): void {
    if (this.#covered >= this.#requested) return;
    this.#isHurried = true;
    this.#wake();
  }

  /** The same, and a failed run is tried again after the shortest of the pauses: an administrator may have mended the cause. */
  retrySoon(): void {
    this.#isRetryAskedFor = true;
    this.hurry();
  }

  /**
   * Answers when every request so far is published, or 'pending' when the time is up first. It changes nothing: a client
   * that may only read can wait.
   * @throws AppError of the run that should have published them, or of the last one when the time is up after a failure.
   */
  async whenPublished(waitMs: number): Promise<'published' | 'pending'> {
    // A run that only looked for changes and failed found a fault that every caller should hear of.
    const request = this.#lastError === undefined ? this.#awaited : this.#requested;
    if (this.#covered >= request) return 'published';
    if (this.#closing.signal.aborted) return 'pending';
    const settled = Promise.withResolvers<'published' | 'pending' | AppError>();
    const waiter: Waiter = { request, settle: settled.resolve };
    this.#waiters = [...this.#waiters, waiter];
    try {
      const result = await waitAtMost(waitMs, settled.promise, () => this.#lastError ?? 'pending');
      if (result instanceof AppError) throw result;
      return result;
    } finally {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
    }
  }

  /** Starts no more runs, answers every waiter 'pending', and ends a run that takes longer than `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#closing.abort();
    this.#wake();
    this.#release();
    for (const waiter of this.#waiters) waiter.settle('pending');
    await waitAtMost(graceMs, this.#work, () => this.#abort.abort());
    await this.#work;
    await this.#marking.then(noop, noop);
  }

  #state(): RepositoryState {
    if (this.#isRunning) return 'running';
    if (this.#lastError !== undefined) return 'failed';
    return this.#covered < this.#awaited ? 'waiting' : 'clean';
  }

  /** Concurrent callers share one write; a removal under way is waited for. */
  #mark(): Promise<void> {
    if (!this.#isMarked) {
      this.#isMarked = true;
      this.#marking = this.#marking.then(noop, noop).then(() => this.#options.marks.set(this.#repository));
      this.#marking.catch(() => {
        this.#isMarked = false;
      });
    }
    return this.#marking;
  }

  #unmark(): void {
    this.#isMarked = false;
    this.#marking = this.#marking.then(noop, noop).then(() => this.#options.marks.clear(this.#repository));
    // A mark that stays costs one run at the next start; setting it again waits for this either way.
    this.#marking.catch(noop);
  }

  async #workOff(): Promise<void> {
    this.#isWorking = true;
    while (this.#covered < this.#requested && !this.#closing.signal.aborted) {
      await this.#pause();
      // Outside of the common slots: the holders of this repository may wait for the run of another one.
      while (this.#holders > 0 && !this.#closing.signal.aborted) {
        this.#dueRun ??= Promise.withResolvers();
        await this.#whenReleased();
      }
      if (this.#closing.signal.aborted) break;
      await this.#options.inSlot(() => this.#runUnlessHeld());
      this.#endDue();
    }
    this.#endDue();
    // In the same turn as the last look at the count: a request in between would be lost.
    this.#isWorking = false;
    this.#isHurried = false;
    this.#isRetryAskedFor = false;
  }

  #endDue(): void {
    this.#dueRun?.resolve();
    this.#dueRun = undefined;
  }

  #whenReleased(): Promise<void> {
    const released = Promise.withResolvers<void>();
    this.#release = released.resolve;
    return released.promise;
  }

  /** A caller may have come to hold the repository while the run waited for a slot. */
  async #runUnlessHeld(): Promise<void> {
    if (this.#closing.signal.aborted || this.#holders > 0) return;
    this.#run = this.#runOnce();
    await this.#run;
  }

  async #runOnce(): Promise<void> {
    const covers = this.#requested;
    this.#isHurried = false;
    this.#isRetryAskedFor = false;
    this.#waitingSinceMs = undefined;
    this.#isRunning = true;
    try {
      this.#published = await this.#options.run(this.#repository, {
        signal: this.#abort.signal,
        onProgress: (progress) => {
          this.#progress = progress;
        },
      });
      this.#covered = covers;
      this.#oldestRequestMs = this.#awaited > covers ? this.#waitingSinceMs : undefined;
      this.#failures = 0;
      this.#lastError = undefined;
      if (this.#requested === covers && this.#placing === 0) this.#unmark();
      this.#settle(covers, 'published');
      this.#isRunning = false;
      await this.#options.tidy(this.#repository);
    } catch (error) {
      this.#fail(covers, asAppError(error));
    } finally {
      this.#isRunning = false;
      this.#progress = undefined;
    }
  }

  #fail(covers: number, error: AppError): void {
    this.#failures += 1;
    this.#lastError = error;
    this.#waitingSinceMs ??= Date.now();
    this.#options.onFailure(this.#repository, error);
    this.#settle(covers, error);
  }

  #settle(covers: number, result: 'published' | AppError): void {
    for (const waiter of this.#waiters) {
      if (waiter.request <= covers) waiter.settle(result);
    }
  }

  /** Waits until the quiet time or the pause after a failure is over. */
  async #pause(): Promise<void> {
    const beganMs = performance.now();
    const waitedMs = Date.now() - (this.#waitingSinceMs ?? Date.now());
    const leftOfMaxWaitMs = this.#options.times.maxWaitMs - Math.max(0, waitedMs);
    while (!this.#closing.signal.aborted) {
      const pauseMs = this.#failures > 0 ? this.#retryPauseMs() : this.#quietPauseMs(leftOfMaxWaitMs);
      const leftMs = pauseMs - (performance.now() - beganMs);
      if (leftMs <= 0) return;
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      await waitAtMost(leftMs, woken.promise, noop);
    }
  }

  #quietPauseMs(leftOfMaxWaitMs: number): number {
    return this.#isHurried || this.#isQuiet ? 0 : leftOfMaxWaitMs;
  }

  #retryPauseMs(): number {
    return pauseAfter(this.#isRetryAskedFor ? 1 : this.#failures, this.#options.times.retryPausesMs);
  }

  #becomeQuiet(): void {
    this.#isQuiet = true;
    this.#wake();
  }
}

function noop(): undefined {
  return undefined;
}

function asAppError(error: unknown): AppError {
  const known = toAppError(error);
  if (known.code !== 'INTERNAL') return known;
  return new AppError('INDEX_FAILED', 'the index run failed with an unexpected fault', {
    hint: 'The server log has the cause; the former index stays until a run succeeds.',
    cause: error,
  });
}
