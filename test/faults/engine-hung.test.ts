import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { createIncrementalEngine } from '../../src/indexing/engines/incremental/incremental-engine.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { defaultJob, writePackage } from '../support/indexed-repository.ts';
import { createTempDir } from '../support/temp-dir.ts';

const TIMEOUT_MS = 3_000;

/** Threads that take a job and never answer: one that waits, and one that no message reaches any more. */
const HANGING = [
  `require('node:worker_threads').parentPort.on('message', () => undefined)`,
  `require('node:worker_threads').parentPort.on('message', () => { for (;;); })`,
];

test('a thread of the incremental engine that hangs is ended after the time limit, the run fails with its code, and the next one succeeds', async () => {
  await using root = await createTempDir();
  const repositoryDir = join(root.path, 'storage');
  await writePackage(join(repositoryDir, 'Packages/one.rpm'), craftRpm());
  await mkdir(join(root.path, 'state'));
  const started: Worker[] = [];
  const engine = createIncrementalEngine({
    startThread: () => {
      const code = HANGING[started.length];
      const workerData = { stateDir: join(root.path, 'state') };
      const worker =
        code === undefined
          ? new Worker(new URL('../../src/indexing/engines/incremental/index-thread.ts', import.meta.url), {
              workerData,
            })
          : new Worker(code, { eval: true });
      started.push(worker);
      return worker;
    },
    concurrency: 1,
    timeoutMs: TIMEOUT_MS,
  });
  const build = async () => {
    const scratchDir = join(root.path, `scratch-${started.length}`);
    await mkdir(scratchDir, { recursive: true });
    const run = { signal: new AbortController().signal, onProgress: () => undefined };
    return engine.build(defaultJob(repositoryDir, scratchDir), run);
  };
  try {
    for (const hanging of HANGING.keys()) {
      await expect(build()).rejects.toMatchObject({
        code: 'INDEX_FAILED',
        message: expect.stringContaining('timeout_seconds'),
      });
      // -1 after its end.
      expect(started[hanging]?.threadId).toBe(-1);
    }
    expect(await build()).toMatchObject({ isNew: true, packageCount: 1 });
  } finally {
    await engine.close();
  }
});
