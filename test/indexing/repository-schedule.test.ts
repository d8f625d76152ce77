import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { Marks } from '../../src/storage/marks.ts';
import { LocalIndexQueue } from '../../src/indexing/local-index-queue.ts';
import type { PublishedIndex } from '../../src/indexing/repository-schedule.ts';
import { repo } from '../support/repo.ts';
import type { RepositoryName } from '../../src/rpm/repository-name.ts';

const REPOSITORY = repo('9/x86_64');
const PUBLISHED: PublishedIndex = { packageCount: 1, revision: '1', indexBytes: 1 };

/** A run that the test starts to watch and ends by hand. */
interface Run {
  readonly repository: string;
  readonly signal: AbortSignal;
  readonly succeed: () => void;
  readonly fail: (error?: Error) => void;
}

function createQueue(options: { quietMs?: number; maxWaitMs?: number; concurrency?: number } = {}) {
  const runs: Run[] = [];
  const marked = new Set<RepositoryName>();
  const failures: AppError[] = [];
  const marks: Marks = {
    check: async () => undefined,
    set: async (repository) => void marked.add(repository),
    clear: async (repository) => void marked.delete(repository),
    list: async () => [...marked],
  };
  const queue = new LocalIndexQueue({
    times: {
      quietMs: options.quietMs ?? 30_000,
      maxWaitMs: options.maxWaitMs ?? 300_000,
      retryPausesMs: [5_000, 15_000],
    },
    concurrency: options.concurrency ?? 1,
    marks,
    run: (repository, { signal }) => {
      const { promise, resolve, reject } = Promise.withResolvers<PublishedIndex>();
      signal.addEventListener('abort', () => reject(new AppError('INDEX_FAILED', 'ended', { hint: '' })));
      runs.push({
        repository,
        signal,
        succeed: () => resolve(PUBLISHED),
        fail: (error = new AppError('INDEX_FAILED', 'broken', { hint: '' })) => reject(error),
      });
      return promise;
    },
    tidy: async () => undefined,
    onFailure: (_repository, error) => failures.push(error),
  });
  return { queue, runs, marked, failures };
}

/** Lets every promise that can settle now settle. */
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('quiet time', () => {
  it('gathers requests and runs once when no request came for the quiet time', async () => {
    const { queue, runs } = createQueue();
    for (let count = 0; count < 10; count += 1) {
      queue.of(REPOSITORY).request();
      await vi.advanceTimersByTimeAsync(20_000);
    }
    expect(runs).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(10_001);
    expect(runs).toHaveLength(1);
  });

  it('cannot be extended beyond the longest wait by a constant stream of requests', async () => {
    const { queue, runs } = createQueue({ maxWaitMs: 60_000 });
    for (let seconds = 0; seconds < 3600; seconds += 20) {
      queue.of(REPOSITORY).request();
      for (const run of runs) run.succeed();
      await vi.advanceTimersByTimeAsync(20_000);
    }
    expect(runs.length).toBeGreaterThanOrEqual(45);
  });

  it('is already over for requests that came in during a long run', async () => {
    const { queue, runs } = createQueue();
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(30_001);
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(60_000);
    runs[0]?.succeed();
    await settle();
    expect(runs).toHaveLength(2);
  });

  it('of zero starts a run at once', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    expect(runs).toHaveLength(1);
  });

  it('is not ended by a client that waits', async () => {
    const { queue, runs } = createQueue();
    queue.of(REPOSITORY).request();
    const waiting = queue.whenPublished([REPOSITORY], 50_000);
    await vi.advanceTimersByTimeAsync(29_900);
    expect(runs).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(200);
    runs[0]?.succeed();
    await expect(waiting).resolves.toBe('published');
  });

  it('that is ended when nothing is requested stays for the next request', async () => {
    const { queue, runs } = createQueue();
    queue.of(REPOSITORY).hurry();
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(runs).toHaveLength(0);
  });

  it('ends for one run only', async () => {
    const { queue, runs } = createQueue();
    queue.of(REPOSITORY).request();
    const waiting = queue.whenPublished([REPOSITORY], 50_000);
    queue.of(REPOSITORY).hurry();
    await settle();
    expect(runs).toHaveLength(1);
    runs[0]?.succeed();
    await expect(waiting).resolves.toBe('published');

    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(runs).toHaveLength(1);
  });
});

describe('single flight', () => {
  it('never runs one repository twice at once, and once more for everything requested during a run', async () => {
    const { queue, runs } = createQueue({ quietMs: 0, concurrency: 8 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    for (let count = 0; count < 100; count += 1) queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(runs).toHaveLength(1);
    runs[0]?.succeed();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(runs).toHaveLength(2);
    runs[1]?.succeed();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(runs).toHaveLength(2);
    expect(queue.of(REPOSITORY).status().state).toBe('clean');
  });

  it('loses no request whichever microtask after a run it comes in', async () => {
    for (let delay = 0; delay < 30; delay += 1) {
      const { queue, runs } = createQueue({ quietMs: 0 });
      queue.of(REPOSITORY).request();
      await vi.advanceTimersByTimeAsync(1);
      runs[0]?.succeed();
      for (let turn = 0; turn < delay; turn += 1) await Promise.resolve();
      queue.of(REPOSITORY).request();
      await vi.advanceTimersByTimeAsync(10);
      expect(runs, `request ${delay} microtasks after the run`).toHaveLength(2);
    }
  });

  it('rebuilds at most as many repositories at once as configured', async () => {
    const { queue, runs } = createQueue({ quietMs: 0, concurrency: 2 });
    for (const repository of [repo('8/x86_64'), repo('9/x86_64'), repo('10/x86_64')])
      queue.of(repository).request();
    await vi.advanceTimersByTimeAsync(1);
    expect(runs.map(({ repository }) => repository)).toEqual(['8/x86_64', '9/x86_64']);
    runs[0]?.succeed();
    await settle();
    expect(runs).toHaveLength(3);
  });
});

describe('marks', () => {
  it('are set before the package is placed and cleared when a run that began after it has published', async () => {
    const { queue, runs, marked } = createQueue({ quietMs: 0 });
    await queue.whileMarked([REPOSITORY], async () => {
      expect([...marked]).toEqual([REPOSITORY]);
    });
    await vi.advanceTimersByTimeAsync(1);
    expect([...marked]).toEqual([REPOSITORY]);
    runs[0]?.succeed();
    await settle();
    expect([...marked]).toEqual([]);
  });

  it('survive a run during which a package is being placed', async () => {
    const { queue, runs, marked } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    const placing = Promise.withResolvers<void>();
    const placed = queue.whileMarked([REPOSITORY], () => placing.promise);
    await settle();
    runs[0]?.succeed();
    await settle();
    expect([...marked]).toEqual([REPOSITORY]);
    placing.resolve();
    await placed;
    await vi.advanceTimersByTimeAsync(1);
    runs[1]?.succeed();
    await settle();
    expect([...marked]).toEqual([]);
  });

  it('survive a run during which a package was placed, which another run is owed', async () => {
    const { queue, runs, marked } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    await queue.whileMarked([REPOSITORY], async () => undefined);
    runs[0]?.succeed();
    await settle();
    expect([...marked]).toEqual([REPOSITORY]);
    await vi.advanceTimersByTimeAsync(1);
    runs[1]?.succeed();
    await settle();
    expect([...marked]).toEqual([]);
  });

  it('of every repository hold while a package is placed into several', async () => {
    const { queue, marked } = createQueue();
    await queue.whileMarked([repo('9/aarch64'), repo('9/x86_64')], async () => {
      expect([...marked].toSorted()).toEqual(['9/aarch64', '9/x86_64']);
    });
  });

  it('lead to a run also when placing failed, because part of it may be on disk', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    const placed = queue.whileMarked([REPOSITORY], () => Promise.reject(new Error('disk')));
    await expect(placed).rejects.toThrow('disk');
    await vi.advanceTimersByTimeAsync(1);
    expect(runs).toHaveLength(1);
  });

  it('that cannot be written keep the package from being placed, and the next attempt writes them again', async () => {
    const { queue, marked } = createQueue();
    const place = vi.fn<() => Promise<void>>(() => Promise.resolve());
    const set = vi.spyOn(marked, 'add').mockImplementationOnce(() => {
      throw new Error('ENOSPC');
    });
    await expect(queue.whileMarked([REPOSITORY], place)).rejects.toThrow('ENOSPC');
    expect(place).not.toHaveBeenCalled();
    await queue.whileMarked([REPOSITORY], place);
    expect(place).toHaveBeenCalledOnce();
    expect(set).toHaveBeenCalledTimes(2);
  });
});

describe('the time of the oldest request', () => {
  it('is that of the first which no run has published, and none when all are', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    const oldest = (): number | undefined => queue.of(REPOSITORY).status().waitingSinceMs;
    queue.of(REPOSITORY).request();
    const first = Date.now();
    await vi.advanceTimersByTimeAsync(10);
    queue.of(REPOSITORY).request();
    const second = Date.now();
    expect(oldest()).toBe(first);
    runs[0]?.succeed();
    await vi.advanceTimersByTimeAsync(10);
    expect(oldest()).toBe(second);
    runs[1]?.fail();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(oldest()).toBe(second);
    runs[2]?.succeed();
    await settle();
    expect(oldest()).toBeUndefined();
  });
});

describe('failed runs', () => {
  it('keep the mark, show in the status and are retried with growing pauses', async () => {
    const { queue, runs, marked, failures } = createQueue({ quietMs: 0 });
    await queue.whileMarked([REPOSITORY], async () => undefined);
    await vi.advanceTimersByTimeAsync(1);
    runs[0]?.fail();
    await settle();
    expect(queue.of(REPOSITORY).status()).toMatchObject({
      state: 'failed',
      lastError: { code: 'INDEX_FAILED' },
    });
    expect([...marked]).toEqual([REPOSITORY]);
    await vi.advanceTimersByTimeAsync(4_900);
    expect(runs).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(runs).toHaveLength(2);
    runs[1]?.fail();
    await vi.advanceTimersByTimeAsync(14_900);
    expect(runs).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(200);
    runs[2]?.succeed();
    await settle();
    expect(queue.of(REPOSITORY).status()).toMatchObject({ state: 'clean', lastError: undefined });
    expect([...marked]).toEqual([]);
    expect(failures).toHaveLength(2);
  });

  it('are not retried sooner because more packages come in', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    runs[0]?.fail();
    await settle();
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(runs).toHaveLength(1);
  });

  it('are not retried sooner because a client waits or ends the quiet time, however often', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    runs[0]?.fail();
    await vi.advanceTimersByTimeAsync(4_000);
    const waiting = Array.from({ length: 100 }, () => {
      queue.of(REPOSITORY).request();
      queue.of(REPOSITORY).hurry();
      return queue.whenPublished([REPOSITORY], 50_000);
    });
    await vi.advanceTimersByTimeAsync(900);
    expect(runs).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(runs).toHaveLength(2);
    runs[1]?.succeed();
    await expect(Promise.all(waiting)).resolves.toHaveLength(100);
  });

  it('answer a client whose time is up with the code of the last one', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    runs[0]?.fail();
    await settle();
    const waiting = queue.whenPublished([REPOSITORY], 1_000).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await waiting).toMatchObject({ code: 'INDEX_FAILED' });
    expect(runs).toHaveLength(1);
  });

  it('are retried after the shortest pause when a retry is asked for, however often', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    runs[0]?.fail();
    await vi.advanceTimersByTimeAsync(5_001);
    runs[1]?.fail();
    await vi.advanceTimersByTimeAsync(4_000);
    for (let count = 0; count < 100; count += 1) queue.of(REPOSITORY).retrySoon();
    await vi.advanceTimersByTimeAsync(900);
    expect(runs).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(200);
    expect(runs).toHaveLength(3);
    runs[2]?.fail();
    await vi.advanceTimersByTimeAsync(14_900);
    expect(runs).toHaveLength(3);
  });

  it('of an unknown kind become INDEX_FAILED with their cause', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    const cause = new Error('surprise');
    runs[0]?.fail(cause);
    await settle();
    expect(queue.of(REPOSITORY).status().lastError).toMatchObject({ code: 'INDEX_FAILED', cause });
  });
});

describe('waiting', () => {
  it('is over at once for a repository without open requests', async () => {
    const { queue } = createQueue();
    await expect(queue.whenPublished([REPOSITORY], 1_000)).resolves.toBe('published');
  });

  it('takes the run after the one in progress for a request that came in during it', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    queue.of(REPOSITORY).request();
    const settled = vi.fn<(result: string) => void>();
    void queue.whenPublished([REPOSITORY], 50_000).then(settled);
    runs[0]?.succeed();
    await settle();
    expect(settled).not.toHaveBeenCalled();
    runs[1]?.succeed();
    await settle();
    expect(settled).toHaveBeenCalledWith('published');
  });

  it("answers 'pending' when the time is up", async () => {
    const { queue } = createQueue();
    queue.of(REPOSITORY).request();
    const waiting = queue.whenPublished([REPOSITORY], 5_000);
    await vi.advanceTimersByTimeAsync(5_001);
    await expect(waiting).resolves.toBe('pending');
  });
});

describe('closing', () => {
  it("answers those who wait 'pending', lets the run finish and starts no other", async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    queue.of(REPOSITORY).request();
    const waiting = queue.whenPublished([REPOSITORY], 50_000);
    const closed = queue.close(30_000);
    await expect(waiting).resolves.toBe('pending');
    runs[0]?.succeed();
    await closed;
    expect(runs).toHaveLength(1);
    expect(runs[0]?.signal.aborted).toBe(false);
  });

  it('ends a run that takes longer than the grace time and keeps its mark', async () => {
    const { queue, runs, marked } = createQueue({ quietMs: 0 });
    await queue.whileMarked([REPOSITORY], async () => undefined);
    await vi.advanceTimersByTimeAsync(1);
    const closed = queue.close(30_000);
    await vi.advanceTimersByTimeAsync(30_001);
    await closed;
    expect(runs[0]?.signal.aborted).toBe(true);
    expect([...marked]).toEqual([REPOSITORY]);
  });

  it('leaves no timer behind that would keep the process alive', async () => {
    const { queue } = createQueue();
    queue.of(REPOSITORY).request();
    await settle();
    await queue.close(30_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a repository that is held', () => {
  it('has no run begun before the task is done, and the one under way ended before the task begins', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    const task = Promise.withResolvers<void>();
    let isBegun = false;
    const held = queue.whileHeld([REPOSITORY], () => {
      isBegun = true;
      return task.promise;
    });
    queue.of(REPOSITORY).request();
    await settle();
    expect(isBegun).toBe(false);
    runs[0]?.succeed();
    await vi.advanceTimersByTimeAsync(1000);
    expect(isBegun).toBe(true);
    expect(runs).toHaveLength(1);
    task.resolve();
    await held;
    await settle();
    expect(runs).toHaveLength(2);
  });

  it('leaves the common slot to others, also when it is held while it waits for one', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    queue.of(repo('8/x86_64')).request();
    await vi.advanceTimersByTimeAsync(1);
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    const task = Promise.withResolvers<void>();
    const held = queue.whileHeld([REPOSITORY], () => task.promise);
    queue.of(repo('10/x86_64')).request();
    runs[0]?.succeed();
    await vi.advanceTimersByTimeAsync(1);
    expect(runs.map(({ repository }) => repository)).toEqual(['8/x86_64', '10/x86_64']);
    runs[1]?.succeed();
    task.resolve();
    await held;
    await settle();
    expect(runs.map(({ repository }) => repository)).toEqual(['8/x86_64', '10/x86_64', REPOSITORY]);
  });

  it('is not kept from its run by tasks that follow each other without a gap', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    const tasks = [1, 2, 3].map(() => Promise.withResolvers<void>());
    const ended = tasks.slice(0, 1).map((task) => queue.whileHeld([REPOSITORY], () => task.promise));
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    // The run is due now: who comes later waits for it.
    ended.push(...tasks.slice(1).map((task) => queue.whileHeld([REPOSITORY], () => task.promise)));
    tasks[0]?.resolve();
    await vi.advanceTimersByTimeAsync(1);
    expect(runs).toHaveLength(1);
    runs[0]?.succeed();
    for (const task of tasks) task.resolve();
    await Promise.all(ended);
  });

  it('runs again when the task has failed, and ends when the queue closes', async () => {
    const { queue, runs } = createQueue({ quietMs: 0 });
    await expect(queue.whileHeld([REPOSITORY], () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    expect(runs).toHaveLength(1);
    runs[0]?.succeed();
    await settle();
    const task = Promise.withResolvers<void>();
    const held = queue.whileHeld([REPOSITORY], () => task.promise);
    queue.of(REPOSITORY).request();
    await vi.advanceTimersByTimeAsync(1);
    await queue.close(0);
    task.resolve();
    await held;
    expect(runs).toHaveLength(1);
  });
});

describe('a look for what was changed by hand', () => {
  it('is due like a request, but nothing waits for it', async () => {
    const { queue, runs } = createQueue();
    queue.of(REPOSITORY).look();
    expect(queue.statusOf(REPOSITORY)).toMatchObject({ state: 'clean', waitingSinceMs: undefined });
    expect(await queue.of(REPOSITORY).whenPublished(0)).toBe('published');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(runs).toHaveLength(1);
    expect(queue.statusOf(REPOSITORY)?.state).toBe('running');
    runs[0]?.succeed();
    await settle();
    expect(queue.statusOf(REPOSITORY)?.state).toBe('clean');
  });

  it('before a request or behind it covers the request, which waits', async () => {
    const { queue, runs } = createQueue();
    queue.of(REPOSITORY).look();
    queue.of(REPOSITORY).request();
    queue.of(REPOSITORY).look();
    expect(queue.statusOf(REPOSITORY)?.state).toBe('waiting');
    const published = queue.of(REPOSITORY).whenPublished(60_000);
    await vi.advanceTimersByTimeAsync(30_000);
    runs[0]?.succeed();
    expect(await published).toBe('published');
    expect(queue.statusOf(REPOSITORY)).toMatchObject({ state: 'clean', waitingSinceMs: undefined });
    expect(runs).toHaveLength(1);
  });

  it('that fails is no clean state, and a client that waits hears of it', async () => {
    const { queue, runs } = createQueue();
    queue.of(REPOSITORY).look();
    await vi.advanceTimersByTimeAsync(30_000);
    runs[0]?.fail();
    await settle();
    expect(queue.statusOf(REPOSITORY)?.state).toBe('failed');
    const told = queue
      .of(REPOSITORY)
      .whenPublished(1)
      .catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1);
    expect(await told).toMatchObject({ code: 'INDEX_FAILED' });
  });
});
