import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { batchAt, commit, stage } from '../support/batch-client.ts';
import { countUp } from '../support/count-up.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { dnfRepoquery } from '../support/run-dnf.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { sampleRow } from '../support/sample-row.ts';
import { attachStrace, ONE_WORKER_THREAD } from '../support/strace.ts';

const BATCH_SIZE = 40;
const RELEASEVERS = ['8', '9', '10'];
/** A bound for the loop, far above the number of such calls in one commit. */
const MAX_CALLS = 400;

interface TestBatch {
  readonly id: string;
  /** What is in the name of its packages alone. */
  readonly version: string;
  readonly packages: readonly { readonly bytes: Buffer; readonly repository: string }[];
}

function batchOf(number: number): TestBatch {
  const packages = Array.from({ length: BATCH_SIZE }, (_, index) => {
    const releasever = RELEASEVERS[index % RELEASEVERS.length] ?? '';
    const version = `${number}`;
    const bytes = craftRpm({ name: `member${index}`, version, release: `1.el${releasever}`, arch: 'x86_64' });
    return { bytes, repository: `${releasever}/x86_64` };
  });
  return { id: `batch${number}`, version: `-${number}-`, packages };
}

async function stageAll(site: Site, { id, packages }: TestBatch): Promise<void> {
  const answers = await Promise.all(packages.map(({ bytes }) => stage(site.baseUrl, id, bytes)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
}

/** How many packages of the batch the published index of each of its repositories has, and how many it should. */
async function shares(
  site: Site,
  { packages, version }: TestBatch,
): Promise<readonly (readonly [number, number])[]> {
  const byRepository = Map.groupBy(packages, ({ repository }) => repository);
  return Promise.all(
    [...byRepository].map(async ([repository, all]) => {
      if (!existsSync(join(site.storageDir, repository, 'repodata/repomd.xml')))
        return [0, all.length] as const;
      const { packages: indexed } = await readIndex(readerOnDisk(site.storageDir, repository));
      return [[...indexed.keys()].filter((name) => name.includes(version)).length, all.length] as const;
    }),
  );
}

async function expectNoneOrAllIndexed(site: Site, batch: TestBatch): Promise<void> {
  for (const [indexed, all] of await shares(site, batch)) expect([0, all]).toContain(indexed);
}

async function expectAllIndexed(site: Site, batch: TestBatch): Promise<void> {
  for (const [indexed, all] of await shares(site, batch)) expect(indexed).toBe(all);
}

/** Files of packages in the directory of a batch. */
async function stagedFiles(site: Site, { id }: TestBatch): Promise<number> {
  const directory = join(site.stateDir, 'batches', id);
  const names = existsSync(directory) ? await readdir(directory) : [];
  return names.filter((name) => name.endsWith('.rpm')).length;
}

/** Commits and kills the service at the n-th such call; whether it got that far. */
async function commitAndKill(
  site: Site,
  { id }: TestBatch,
  { syscall, nth }: { readonly syscall: string; readonly nth: number },
): Promise<{ readonly isKilled: boolean; readonly status: number }> {
  const { service } = site;
  const inject = `${syscall}:signal=KILL:when=${nth}`;
  const trace = await attachStrace(service.pid, { syscalls: syscall, inject, isWithoutChildren: true });
  const status = await commit(site.baseUrl, id).then(
    (answer) => answer.status,
    () => 0,
  );
  const isKilled = status === 0 || !existsSync(`/proc/${service.pid}/fd/0`);
  if (isKilled) await trace.whenEnded();
  else await trace.stop();
  return { isKilled, status };
}

/** The first calls one by one, then in steps: a long row of equal ones is not walked in full. */
const FIRST_CALLS = 4;

const callsInSteps = (step: number): readonly number[] =>
  countUp(MAX_CALLS).filter((nth) => nth <= FIRST_CALLS || (nth - FIRST_CALLS) % step === 0);

describe.skipIf(lacks('strace'))('a service that is killed while it commits a batch (needs strace)', () => {
  test.each([
    ['rename', 1, 2],
    ['link', 15, 5],
    ['fsync', 4, 6],
    ['unlink', 15, 5],
  ] as const)(
    'at any %s publishes all of it in each repository or nothing, and all when the commit was acknowledged',
    async (syscall, step, atLeast) => {
      const config = { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400, concurrency: 2 } };
      await using site = await startSite({ front: 'none', config, env: ONE_WORKER_THREAD });
      let kills = 0;
      const row = callsInSteps(step);
      const calls = sampleRow(row, { name: syscall, every: 3 });
      for (const nth of calls) {
        const batch = batchOf(nth);
        await stageAll(site, batch);
        const { isKilled, status } = await commitAndKill(site, batch, { syscall, nth });
        await expectNoneOrAllIndexed(site, batch);
        expect(isKilled ? 200 : status).toBe(200);
        if (!isKilled) break;
        kills += 1;
        await site.restart();
        const after = await batchAt(site.baseUrl, batch.id);
        const allowed = status === 200 ? ['committed'] : ['staged', 'committed'];
        expect(allowed).toContain(after?.state);
        expect(await stagedFiles(site, batch)).toBe(after?.state === 'staged' ? BATCH_SIZE : 0);
        const again = await commit(site.baseUrl, batch.id, 'wait=50');
        expect(again.status).toBe(200);
        await expectAllIndexed(site, batch);
        await eventually(async () => expect(await stagedFiles(site, batch)).toBe(0));
        expect(await site.leftovers()).toEqual([]);
      }
      expect(kills).toBeGreaterThanOrEqual(calls.filter((nth) => row.indexOf(nth) < atLeast).length);
    },
    280_000,
  );

  test('shows a polling dnf all of it or nothing, and places what it had decided before it takes anything else', async () => {
    const config = { index_updater: { quiet_seconds: 0 } };
    await using site = await startSite({ config, env: ONE_WORKER_THREAD });
    const packages = Array.from({ length: BATCH_SIZE }, (_, index) =>
      craftRpm({ name: `member${index}`, release: '1.el9', arch: 'x86_64' }),
    );
    const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/9/x86_64/` };
    const query = async (): Promise<number> => {
      const { stdout } = await dnfRepoquery(host, '--refresh');
      return stdout.split('\n').filter((line) => line.startsWith('member')).length;
    };
    const seen: number[] = [];
    const over = new AbortController();
    const polling = (async () => {
      while (!over.signal.aborted) seen.push(await query());
    })();
    for (const bytes of packages) await stage(site.baseUrl, 'b', bytes);
    // In the middle of its links into the repository.
    const { isKilled } = await commitAndKill(
      site,
      { id: 'b', version: '', packages: [] },
      { syscall: 'link', nth: 20 },
    );
    expect(isKilled).toBe(true);
    await site.restart();
    expect(await batchAt(site.baseUrl, 'b')).toMatchObject({ state: 'committed' });
    await eventually(() => expect(seen).toContain(BATCH_SIZE));
    over.abort();
    await polling;
    expect([...new Set(seen)].toSorted((a, b) => a - b)).toEqual([0, BATCH_SIZE]);
  });
});
