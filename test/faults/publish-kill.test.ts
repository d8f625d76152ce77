import { describe, expect, test } from 'vitest';
import { countUp } from '../support/count-up.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { sampleRow } from '../support/sample-row.ts';
import { putPackage, reindex, sha256Of } from '../support/send-request.ts';
import { attachStrace, ONE_WORKER_THREAD } from '../support/strace.ts';
import { type EngineName, withEngine } from '../support/with-engine.ts';

const REPOSITORY = '9/x86_64';
/** A bound for the loop, far above the number of such calls in one run. */
const MAX_CALLS = 40;

const options = {
  front: 'none',
  // Longer than any test: an index run happens only when it is asked for.
  config: { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 } },
  env: ONE_WORKER_THREAD,
} as const;

async function indexOnDisk(site: Site): Promise<readonly string[]> {
  const index = await readIndex(readerOnDisk(site.storageDir, REPOSITORY));
  return [...index.packages.values()].toSorted();
}

/** Asks for an index run and kills the service at the n-th such call of that run; false when there was none. */
async function publishAndKill(site: Site, syscall: string, nth: number): Promise<boolean> {
  const trace = await attachStrace(site.service.pid, {
    syscalls: syscall,
    inject: `${syscall}:signal=KILL:when=${nth}`,
    // createrepo_c has calls of its own; here only the service is to be killed.
    isWithoutChildren: true,
  });
  try {
    const answer = await reindex(site.baseUrl, REPOSITORY);
    await trace.stop();
    expect(answer.status).toBe(200);
    return false;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error;
    await trace.whenEnded();
    return true;
  }
}

// The service is started anew after each call that it is killed at.
describe.skipIf(lacks('strace'))(
  'a service that is killed while it publishes (needs strace)',
  { timeout: 300_000 },
  () => {
    test.each<[string, number, EngineName, number]>([
      ['rename', 9, 'incremental', 4],
      ['rename', 6, 'createrepo', 4],
      ['fsync', 10, 'incremental', 5],
      ['fsync', 10, 'createrepo', 5],
      ['unlink', 1, 'incremental', 1],
      ['unlink', 1, 'createrepo', 1],
    ])(
      'at any %s (%i or more) of a run of the %s engine leaves the index as it was before or as it is afterwards, and publishes the rest when it starts again',
      async (syscall, atLeast, engine, every) => {
        await using site = await startSite(withEngine(engine, options));
        const uploaded: string[] = [];
        let kills = 0;
        const calls = sampleRow(countUp(MAX_CALLS), { name: `${syscall} ${engine}`, every });
        for (const nth of calls) {
          const bytes = craftRpm({ name: `kill${nth}` });
          const before = uploaded.toSorted();
          expect(await putPackage(site.baseUrl, bytes)).toMatchObject({ status: 201 });
          // What an upload removes after its answer must not count as a call of the run.
          await eventually(async () => expect(await site.leftovers()).toEqual([]));
          uploaded.push(sha256Of(bytes));
          const after = uploaded.toSorted();

          const isKilled = await publishAndKill(site, syscall, nth);
          expect([before, after]).toContainEqual(await indexOnDisk(site));
          if (!isKilled) break;
          kills += 1;
          await site.service.whenExited;
          await site.restart();
          // Only the mark that the upload left asks for this run.
          const query = 'wait=50';
          expect(await putPackage(site.baseUrl, bytes, query)).toMatchObject({ status: 200 });
          expect(await indexOnDisk(site)).toEqual(after);
          await eventually(async () => expect(await site.leftovers()).toEqual([]));
        }
        expect(kills).toBeGreaterThanOrEqual(calls.filter((nth) => nth <= atLeast).length);
        expect(kills).toBeLessThan(calls.length);
      },
    );
  },
);
