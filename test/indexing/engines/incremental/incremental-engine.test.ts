import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createIncrementalEngine } from '../../../../src/indexing/engines/incremental/incremental-engine.ts';
import {
  createIndexedRepository,
  defaultJob,
  type IndexedRepository,
} from '../../../support/indexed-repository.ts';

const THREAD = new URL('../../../../src/indexing/engines/incremental/index-thread.ts', import.meta.url);
const RUN = { signal: new AbortController().signal, onProgress: () => undefined };

let repository: IndexedRepository;
beforeEach(async () => {
  repository = await createIndexedRepository();
});
afterEach(() => repository[Symbol.asyncDispose]());

it('ends a thread that has nothing to do, and the next run starts another one', async () => {
  const ended: Promise<unknown>[] = [];
  const startThread = (): Worker => {
    const thread = new Worker(THREAD, { workerData: { stateDir: repository.stateDir } });
    ended.push(once(thread, 'exit'));
    return thread;
  };
  const engine = createIncrementalEngine({ startThread, concurrency: 1, timeoutMs: 60_000, idleMs: 1 });
  await repository.put('first');
  for (const run of ['first', 'second']) {
    const scratchDir = join(repository.workDir, run);
    await mkdir(scratchDir);
    const built = await engine.build(defaultJob(repository.dir, scratchDir), RUN);
    expect(built.packageCount).toBe(1);
    await ended.at(-1);
  }
  expect(ended).toHaveLength(2);
  await engine.close();
});

it('ends a thread that described many packages, and goes on with one that described few', async () => {
  let started = 0;
  const startThread = (): Worker => {
    started += 1;
    return new Worker(THREAD, { workerData: { stateDir: repository.stateDir } });
  };
  const engine = createIncrementalEngine({
    startThread,
    concurrency: 1,
    timeoutMs: 60_000,
    manyPackages: 2,
  });
  const build = async (run: string) => {
    const scratchDir = join(repository.workDir, run);
    await mkdir(scratchDir);
    return engine.build(defaultJob(repository.dir, scratchDir), RUN);
  };
  for (const name of ['a', 'b', 'c']) await repository.put(name);
  expect((await build('many')).described.size).toBe(3);
  await rm(join(repository.dir, 'Packages/c.rpm'));
  expect((await build('few')).described.size).toBe(2);
  await build('again');
  expect(started).toBe(2);
  await engine.close();
});
