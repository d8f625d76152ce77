import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { listPackages } from '../../src/storage/list-packages.ts';
import { createIncrementalEngine } from '../../src/indexing/engines/incremental/incremental-engine.ts';
import type { BuiltIndex, IndexEngine } from '../../src/indexing/index-engine.ts';
import { publishRepodata } from '../../src/storage/local/publish-repodata.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { defaultJob, writePackage } from '../support/indexed-repository.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { createRandom, type Random } from '../support/random.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { putPackage, reindex, sha256Of } from '../support/send-request.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { UNSIGNED } from '../support/unsigned.ts';

const REPOSITORY = '9/x86_64';
const THREAD_ROUNDS = isLongRun ? 25 : 8;
const PROCESS_ROUNDS = isLongRun ? 8 : 3;
/** Turns of the event loop of the thread that asks; a run takes some hundreds. */
const MAX_TURNS = 1_500;

const filesOf = (number: number, count: number) =>
  Array.from({ length: count }, (_, index) => ({ path: `/usr/share/package${number}/${index}` }));

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

/** A tree that is indexed by an engine whose thread is ended at any moment. */
class KilledEngine {
  readonly #root: string;
  #worker: Worker | undefined;
  #engine: IndexEngine;
  #runs = 0;

  constructor({ path }: TempDir) {
    this.#root = path;
    this.#engine = this.#start();
  }

  get directory(): string {
    return join(this.#root, 'storage', REPOSITORY);
  }

  async add(number: number, fileCount: number): Promise<void> {
    const bytes = craftRpm({ name: `package${number}`, files: filesOf(number, fileCount) });
    await writePackage(join(this.directory, `Packages/package${number}.rpm`), bytes);
  }

  async index(): Promise<BuiltIndex> {
    this.#runs += 1;
    const scratchDir = join(this.#root, `scratch-${this.#runs}`);
    await mkdir(scratchDir);
    const built = await this.#engine.build(defaultJob(this.directory, scratchDir), {
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    if (built.isNew) await publishRepodata(this.directory, scratchDir, UNSIGNED);
    await rm(scratchDir, { recursive: true });
    return built;
  }

  async killThread(): Promise<void> {
    await this.#worker?.terminate();
  }

  async restart(): Promise<void> {
    await this.#engine.close();
    this.#engine = this.#start();
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  #start(): IndexEngine {
    return createIncrementalEngine({
      startThread: () => {
        const workerData = { stateDir: join(this.#root, 'state') };
        this.#worker = new Worker(
          new URL('../../src/indexing/engines/incremental/index-thread.ts', import.meta.url),
          { workerData },
        );
        return this.#worker;
      },
      concurrency: 1,
      timeoutMs: 60_000,
    });
  }
}

/** Locations on disk and in the index that is public. */
async function compared({
  directory,
}: KilledEngine): Promise<readonly [readonly string[], readonly string[]]> {
  const { packages } = await readIndex(readerOnDisk(directory, ''));
  return [(await listPackages(directory)).toSorted(), [...packages.keys()]];
}

describe("an engine's thread that is ended at any moment", () => {
  test.each([1])(
    `leaves the index as it was, and the next run indexes what is there, ${THREAD_ROUNDS} times (seed %i)`,
    async (seed) => {
      await using root = await createTempDir();
      await mkdir(join(root.path, 'state'));
      const random = createRandom(seed);
      const tree = new KilledEngine(root);
      try {
        for (let number = 0; number < 60; number += 1) await tree.add(number, random.below(400));
        await tree.index();
        let kills = 0;
        for (let round = 0; round < THREAD_ROUNDS; round += 1) {
          const [before] = await compared(tree);
          await tree.add(1_000 + round, random.below(2_000));
          const running = tree.index().then(
            () => 'done',
            (error: unknown) => (error instanceof AppError ? error.code : error),
          );
          await turns(random.below(MAX_TURNS));
          await tree.killThread();
          const outcome = await running;
          const [onDisk, indexed] = await compared(tree);
          if (outcome !== 'done') kills += 1;
          expect(['done', 'INDEX_FAILED']).toContain(outcome);
          expect([round, indexed]).toEqual([round, outcome === 'done' ? onDisk : before]);
          if (random.next() < 0.5) await tree.restart();
          const { warnings, leftOut } = await tree.index();
          expect({ round, warnings, leftOut }).toEqual({ round, warnings: [], leftOut: [] });
          const after = await compared(tree);
          expect([round, after[1]]).toEqual([round, after[0]]);
        }
        expect(kills).toBeGreaterThan(THREAD_ROUNDS / 8);
      } finally {
        await tree.close();
      }
    },
  );
});

async function killedWhileIndexing(site: Site, random: Random): Promise<boolean> {
  const answer = reindex(site.baseUrl, REPOSITORY).then(
    ({ status }) => status,
    () => 0,
  );
  await turns(random.below(MAX_TURNS));
  await site.service.kill();
  return (await answer) === 0;
}

describe('a service that is killed at any moment of an index run', () => {
  test(`has the index as it was before or as it is afterwards, ${PROCESS_ROUNDS} times, and publishes the rest when it starts again`, async () => {
    const options = {
      front: 'none',
      // An index run happens only when it is asked for.
      config: { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 } },
    } as const;
    await using site = await startSite(options);
    const random = createRandom(5);
    const uploaded: string[] = [];
    const indexOnDisk = async (): Promise<readonly string[]> =>
      [...(await readIndex(readerOnDisk(site.storageDir, REPOSITORY))).packages.values()].toSorted();
    let kills = 0;
    for (let round = 0; round < PROCESS_ROUNDS; round += 1) {
      const before = uploaded.toSorted();
      const count = 1 + random.below(10);
      for (let number = round * 100; number < round * 100 + count; number += 1) {
        const bytes = craftRpm({ name: `package${number}`, files: filesOf(number, random.below(3_000)) });
        expect(await putPackage(site.baseUrl, bytes)).toMatchObject({ status: 201 });
        uploaded.push(sha256Of(bytes));
      }
      const after = uploaded.toSorted();
      if (await killedWhileIndexing(site, random)) kills += 1;
      expect([before, after]).toContainEqual(await indexOnDisk());
      await site.restart();
      expect(await reindex(site.baseUrl, REPOSITORY)).toMatchObject({ status: 200 });
      expect(await indexOnDisk()).toEqual(after);
      await eventually(async () => expect(await site.leftovers()).toEqual([]));
      expect((await readdir(site.stateDir)).includes('index.sqlite')).toBe(true);
    }
    expect(kills).toBeGreaterThan(0);
  });
});
