import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { countUp } from '../support/count-up.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { sampleRow } from '../support/sample-row.ts';
import { type HttpAnswer, putPackage, reindex, sha256Of } from '../support/send-request.ts';
import { attachStrace, ONE_WORKER_THREAD, type Syscall } from '../support/strace.ts';
import { type EngineName, withEngine } from '../support/with-engine.ts';

const REPOSITORY = '9/x86_64';
// Longer than any test: nothing but the upload syncs files.
const NEVER_QUIET = { quiet_seconds: 3600, max_wait_seconds: 86_400 };
/** A bound for the loop, far above the number of syncs in an upload. */
const MAX_SYNCS = 60;

interface Attempt {
  readonly answer: HttpAnswer;
  readonly syscalls: readonly Syscall[];
}

async function upload(site: Site, bytes: Buffer, query: string, inject?: string): Promise<Attempt> {
  const trace = await attachStrace(site.service.pid, {
    syscalls: 'fsync,fdatasync,mkdir,link',
    ...(inject !== undefined && { inject }),
  });
  const answer = await putPackage(site.baseUrl, bytes, query);
  return { answer, syscalls: await trace.stop() };
}

/** In a short run every third sync of an upload or of an index run fails. */
const syncsOf = (name: string): readonly number[] => sampleRow(countUp(MAX_SYNCS), { name, every: 3 });

/** How many of the syncs are among the first so many. */
const countFirst = (syncs: readonly number[], atLeast: number): number =>
  syncs.filter((failing) => failing <= atLeast).length;

/** Uploads with the first of these syncs failing, the second, ... until there is none left to fail; calls `check` after each. */
async function failSyncs(
  site: Site,
  { syncs, queryOf }: { readonly syncs: readonly number[]; readonly queryOf: (failing: number) => string },
  check: (failed: Attempt, bytes: Buffer, query: string) => Promise<void>,
): Promise<{ readonly faults: number; readonly answer: HttpAnswer }> {
  for (const [faults, failing] of syncs.entries()) {
    const bytes = craftRpm({ name: `sync${failing}` });
    const query = queryOf(failing);
    const attempt = await upload(site, bytes, query, `fsync,fdatasync:error=EIO:when=${failing}`);
    const isFaulty = attempt.syscalls.some(({ isInjected }) => isInjected);
    if (!isFaulty) return { faults, answer: attempt.answer };
    await check(attempt, bytes, query);
  }
  throw new Error(`still a sync to fail after ${MAX_SYNCS}`);
}

describe.skipIf(lacks('strace'))('a disk that fails to sync (needs strace)', () => {
  const options = { config: { index_updater: NEVER_QUIET }, env: ONE_WORKER_THREAD };

  test.each([
    ['a known', 3, () => ''],
    ['a new', 15, (failing: number) => `releasever=new${failing}`],
  ])(
    'at any point of an upload to %s repository is never answered 2xx, and a retry is',
    async (title, atLeast, queryOf) => {
      const syncs = syncsOf(title);
      await using site = await startSite(options);
      await putPackage(site.baseUrl, craftRpm({ name: 'first' }), 'wait=50');
      const { faults, answer: last } = await failSyncs(
        site,
        { syncs, queryOf },
        async ({ answer }, bytes, query) => {
          expect(answer.json()).toMatchObject({ status: 500, code: 'STORAGE_FAILED' });
          const retry = await putPackage(site.baseUrl, bytes, `${query}&wait=50`);
          expect([200, 201]).toContain(retry.status);
          expect(retry.json()).toMatchObject({ places: [{ state: 'published' }] });
          await eventually(async () => expect(await site.leftovers()).toEqual([]));
        },
      );
      expect(last.status).toBe(201);
      expect(faults).toBeGreaterThanOrEqual(countFirst(syncs, atLeast));
    },
  );

  test('leaves no directory unsynced when a retry is acknowledged', async () => {
    await using site = await startSite(options);
    const syncs = syncsOf('retry');
    const { faults } = await failSyncs(
      site,
      { syncs, queryOf: (failing) => `releasever=new${failing}` },
      async (failed, bytes, query) => {
        const retry = await upload(site, bytes, query);
        expect([200, 201]).toContain(retry.answer.status);
        const releasever = query.replace('releasever=', '');
        expect(unsyncedPaths(site, releasever, [failed.syscalls, retry.syscalls])).toEqual([]);
      },
    );
    expect(faults).toBeGreaterThanOrEqual(countFirst(syncs, 15));
  });
});

describe.skipIf(lacks('strace'))(
  'a disk that fails to sync while an index is published (needs strace)',
  () => {
    test.each<[EngineName, number]>([
      ['incremental', 5],
      ['createrepo', 5],
    ])(
      'leaves the index as it was before or as it is afterwards, at any sync of a run of the %s engine (%i or more), and the next run publishes',
      async (engine, atLeast) => {
        await using site = await startSite(
          withEngine(engine, {
            front: 'none',
            config: { index_updater: NEVER_QUIET },
            env: ONE_WORKER_THREAD,
          }),
        );
        const uploaded: string[] = [];
        const syncs = syncsOf(engine);
        let faults = 0;
        for (const failing of syncs) {
          const bytes = craftRpm({ name: `publish${failing}` });
          const before = uploaded.toSorted();
          expect(await putPackage(site.baseUrl, bytes)).toMatchObject({ status: 201 });
          await eventually(async () => expect(await site.leftovers()).toEqual([]));
          uploaded.push(sha256Of(bytes));
          const after = uploaded.toSorted();
          const trace = await attachStrace(site.service.pid, {
            syscalls: 'fsync,fdatasync',
            inject: `fsync,fdatasync:error=EIO:when=${failing}`,
            // createrepo_c syncs nothing that counts.
            isWithoutChildren: true,
          });
          const answer = await reindex(site.baseUrl, REPOSITORY);
          const isFaulty = (await trace.stop()).some(({ isInjected }) => isInjected);
          expect([before, after]).toContainEqual(await indexOnDisk(site));
          expect(answer.status).toBe(isFaulty ? 500 : 200);
          if (!isFaulty) break;
          faults += 1;
          expect(answer.text).toContain('STORAGE_FAILED');
          expect(await reindex(site.baseUrl, REPOSITORY)).toMatchObject({ status: 200 });
          expect(await indexOnDisk(site)).toEqual(after);
        }
        expect(faults).toBeGreaterThanOrEqual(countFirst(syncs, atLeast));
        expect(faults).toBeLessThan(syncs.length);
      },
    );
  },
);

async function indexOnDisk(site: Site): Promise<readonly string[]> {
  const index = await readIndex(readerOnDisk(site.storageDir, REPOSITORY));
  return [...index.packages.values()].toSorted();
}

/** Those on the way to the package whose name no successful sync of their directory followed. */
function unsyncedPaths(
  site: Site,
  releasever: string,
  attempts: readonly (readonly Syscall[])[],
): readonly string[] {
  const calls = attempts.flat().filter(({ hasFailed }) => !hasFailed);
  return [releasever, `${releasever}/x86_64`, `${releasever}/x86_64/Packages`]
    .map((directory) => join(site.storageDir, directory))
    .filter((path) => {
      const made = calls.findIndex(({ name, text }) => name === 'mkdir' && text.includes(`"${path}"`));
      expect(made).not.toBe(-1);
      return !calls
        .slice(made)
        .some(({ text }) => /^f(?:data)?sync/.test(text) && text.includes(`<${dirname(path)}>`));
    });
}
