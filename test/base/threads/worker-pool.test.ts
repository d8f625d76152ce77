import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { type ThreadLife, WorkerPool } from '../../../src/base/threads/worker-pool.ts';
import { eventually } from '../../support/eventually.ts';

/** What the thread of these tests is to do. */
interface Job {
  readonly do:
    | 'answer'
    | 'hang'
    | 'exit'
    | 'crash'
    | 'fail'
    | 'failApp'
    | 'failErrno'
    | 'failValue'
    | 'progress'
    | 'fillMemory';
  readonly text?: string;
}

const ANSWER_JOBS = new URL('../../../src/base/threads/answer-jobs.ts', import.meta.url).href;
const ERRORS = new URL('../../../src/errors.ts', import.meta.url).href;

const CODE = `
import { answerJobs } from ${JSON.stringify(ANSWER_JOBS)};
import { AppError } from ${JSON.stringify(ERRORS)};
import { readFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';

const ACTIONS = {
  answer: (job) => ({ text: job.text, threadId }),
  hang: () => new Promise(() => setInterval(() => undefined, 1000)),
  exit: () => process.exit(3),
  crash: () => { setImmediate(() => { throw new Error('thrown outside of the job'); }); return new Promise(() => undefined); },
  fail: () => { throw new TypeError('not as expected'); },
  failApp: () => { throw new AppError('INDEX_FAILED', 'what', { hint: 'how', cause: new Error('why') }); },
  failErrno: () => readFileSync('/nonexistent/file'),
  failValue: () => Promise.reject('just a text'),
  progress: (job, tell) => { for (const step of [1, 2, 3]) tell(step); return { text: 'done', threadId }; },
  fillMemory: () => { const all = []; for (;;) all.push(Array.from({ length: 100_000 }, (_, index) => 'x' + index)); },
};
answerJobs((job, tell) => ACTIONS[job.do](job, tell));
`;

interface Answer {
  readonly text: string;
  readonly threadId: number;
}

let started: Worker[] = [];
let ended = 0;
const pools: WorkerPool<Job, Answer, number>[] = [];

function createPool(size: number, life?: ThreadLife<Answer>): WorkerPool<Job, Answer, number> {
  const start = (): Worker => {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(CODE)}`), {
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
    started.push(worker);
    worker.on('exit', () => {
      ended += 1;
    });
    return worker;
  };
  const pool = new WorkerPool<Job, Answer, number>(size, start, life);
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  await Promise.all(started.map((worker) => worker.terminate()));
  started = [];
  ended = 0;
});

describe('jobs', () => {
  it('are answered, each with its own answer', async () => {
    const pool = createPool(2);
    const texts = Array.from({ length: 20 }, (_, number) => `job ${number}`);
    const answers = await Promise.all(texts.map((text) => pool.run({ do: 'answer', text })));
    expect(answers.map(({ text }) => text)).toEqual(texts);
  });

  it('share as many threads as the pool is large, which are kept for the next ones', async () => {
    const pool = createPool(2);
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([1, 2, 3, 4].map(() => pool.run({ do: 'answer', text: '' })));
    }
    expect(started).toHaveLength(2);
    expect(ended).toBe(0);
  });

  it('start no thread before the first one', async () => {
    const pool = createPool(4);
    expect(started).toHaveLength(0);
    await pool.run({ do: 'answer', text: '' });
    expect(started).toHaveLength(1);
  });

  it('may tell how they go on, in order, to the one who asked', async () => {
    const pool = createPool(1);
    const told: number[] = [];
    const others: number[] = [];
    const [answer] = await Promise.all([
      pool.run({ do: 'progress' }, { onProgress: (step) => void told.push(step) }),
      pool.run({ do: 'answer', text: '' }, { onProgress: (step) => void others.push(step) }),
    ]);
    expect(answer.text).toBe('done');
    expect(told).toEqual([1, 2, 3]);
    expect(others).toEqual([]);
  });
});

describe('a job that fails', () => {
  it('rejects with its error, and its thread goes on', async () => {
    const pool = createPool(1);
    await expect(pool.run({ do: 'fail' })).rejects.toThrow(TypeError);
    await expect(pool.run({ do: 'answer', text: 'next' })).resolves.toMatchObject({ text: 'next' });
    expect(started).toHaveLength(1);
  });

  it('with an error of the service rejects with its code, hint and cause', async () => {
    const error: unknown = await createPool(1)
      .run({ do: 'failApp' })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({
      code: 'INDEX_FAILED',
      message: 'what',
      hint: 'how',
      cause: { message: 'why' },
    });
  });

  it('with an error of the file system rejects with its fields', async () => {
    await expect(createPool(1).run({ do: 'failErrno' })).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'open',
      path: '/nonexistent/file',
    });
  });

  it('with something that is no error rejects with that', async () => {
    await expect(createPool(1).run({ do: 'failValue' })).rejects.toBe('just a text');
  });
});

describe('a thread that dies', () => {
  it.each(['exit', 'crash', 'fillMemory'] as const)(
    'fails its own job only; those behind it are done by another thread (%s)',
    async (how) => {
      const pool = createPool(1);
      const [dead, next, last] = await Promise.allSettled([
        pool.run({ do: how }),
        pool.run({ do: 'answer', text: 'next' }),
        pool.run({ do: 'answer', text: 'last' }),
      ]);
      expect(dead.status).toBe('rejected');
      expect(next).toMatchObject({ status: 'fulfilled', value: { text: 'next' } });
      expect(last).toMatchObject({ status: 'fulfilled', value: { text: 'last' } });
      expect(started).toHaveLength(2);
    },
  );

  it('while it is idle is replaced for the next job', async () => {
    const pool = createPool(1);
    await pool.run({ do: 'answer', text: '' });
    await started[0]?.terminate();
    await expect(pool.run({ do: 'answer', text: 'next' })).resolves.toMatchObject({ text: 'next' });
    expect(started).toHaveLength(2);
  });
});

describe('a thread without a job', () => {
  it('is ended after the time for that, and another one is started for the next job', async () => {
    const pool = createPool(2, { idleMs: 1 });
    await Promise.all([1, 2].map(() => pool.run({ do: 'answer', text: '' })));
    await eventually(() => expect(ended).toBe(2));
    await expect(pool.run({ do: 'answer', text: 'next' })).resolves.toMatchObject({ text: 'next' });
    expect(started).toHaveLength(3);
  });

  it('is kept as long as the pool is, when no time is given', async () => {
    const pool = createPool(1);
    const before = await pool.run({ do: 'answer', text: '' });
    expect((await pool.run({ do: 'answer', text: '' })).threadId).toBe(before.threadId);
  });
});

it('a thread whose job left it too large is ended, and another one does the next job', async () => {
  const pool = createPool(1, { isSpent: ({ text }) => text === 'large' });
  const small = await pool.run({ do: 'answer', text: 'small' });
  const large = await pool.run({ do: 'answer', text: 'large' });
  expect(large.threadId).toBe(small.threadId);
  expect((await pool.run({ do: 'answer', text: 'small' })).threadId).not.toBe(large.threadId);
  await eventually(() => expect(ended).toBe(1));
});

describe('a signal', () => {
  it('ends the thread of its job and rejects with its reason', async () => {
    const pool = createPool(1);
    const stop = new AbortController();
    const job = pool.run({ do: 'hang' }, { signal: stop.signal });
    const settled = Promise.allSettled([job]);
    await eventually(() => expect(started).toHaveLength(1));
    stop.abort(new Error('enough'));
    expect(await settled).toMatchObject([{ status: 'rejected', reason: { message: 'enough' } }]);
    await eventually(() => expect(ended).toBe(1));
    await expect(pool.run({ do: 'answer', text: 'next' })).resolves.toMatchObject({ text: 'next' });
  });

  it('that comes before a job begins leaves the threads as they are', async () => {
    const pool = createPool(1);
    await pool.run({ do: 'answer', text: '' });
    await expect(
      pool.run({ do: 'hang' }, { signal: AbortSignal.abort(new Error('too late')) }),
    ).rejects.toThrow('too late');
    await pool.run({ do: 'answer', text: '' });
    expect(started).toHaveLength(1);
  });

  it('that comes while a job waits for its turn rejects it, and the job is never begun', async () => {
    const pool = createPool(1);
    const first = new AbortController();
    const second = new AbortController();
    const running = pool.run({ do: 'hang' }, { signal: first.signal });
    const waiting = pool.run({ do: 'exit' }, { signal: second.signal });
    const settled = Promise.allSettled([running, waiting]);
    await eventually(() => expect(started).toHaveLength(1));
    second.abort(new Error('not wanted'));
    first.abort(new Error('enough'));
    expect(await settled).toMatchObject([
      { status: 'rejected', reason: { message: 'enough' } },
      { status: 'rejected', reason: { message: 'not wanted' } },
    ]);
    expect(started).toHaveLength(1);
  });

  it('after the job has ended changes nothing', async () => {
    const pool = createPool(1);
    const stop = new AbortController();
    const before = await pool.run({ do: 'answer', text: '' }, { signal: stop.signal });
    stop.abort();
    const after = await pool.run({ do: 'answer', text: '' });
    expect(after.threadId).toBe(before.threadId);
  });
});

describe('a job that cannot be sent', () => {
  it('rejects and costs no thread', async () => {
    const pool = createPool(1);
    const job: Job = Object.assign({ do: 'answer' } as const, { text: 'x', more: () => undefined });
    await expect(pool.run(job)).rejects.toThrow(/could not be cloned/);
    await expect(pool.run({ do: 'answer', text: 'next' })).resolves.toMatchObject({ text: 'next' });
    expect(started).toHaveLength(1);
  });
});

describe('a closed pool', () => {
  it('has ended its threads, rejects the jobs under way and those that wait, and starts no thread again', async () => {
    const pool = createPool(2);
    const jobs = [1, 2, 3, 4, 5].map(() => pool.run({ do: 'hang' }));
    const settled = Promise.allSettled(jobs);
    await eventually(() => expect(started).toHaveLength(2));
    await pool.close();
    expect((await settled).map(({ status }) => status)).toEqual(jobs.map(() => 'rejected'));
    await expect(pool.run({ do: 'answer', text: 'late' })).rejects.toThrow(/closed/);
    expect(started).toHaveLength(2);
    expect(ended).toBe(2);
  });
});
