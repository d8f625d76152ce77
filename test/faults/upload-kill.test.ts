import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { countUp } from '../support/count-up.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { type Front, type Site, startSite } from '../support/run-site.ts';
import { sampleRow } from '../support/sample-row.ts';
import { putPackage, sha256Of } from '../support/send-request.ts';
import { attachStrace, ONE_WORKER_THREAD } from '../support/strace.ts';
import { type EngineName, withEngine } from '../support/with-engine.ts';

/** A bound for the loop, far above the number of such calls in one upload. */
const MAX_CALLS = 20;

interface Upload {
  readonly bytes: Buffer;
  readonly sha256: string;
  /** Each goes to a repository of its own, which it opens. */
  readonly releasever: string;
  readonly repository: string;
  readonly fileName: string;
}

function uploadOf(number: number): Upload {
  const bytes = craftRpm({ name: `kill${number}` });
  const releasever = `new${number}`;
  const repository = `${releasever}/x86_64`;
  const fileName = `kill${number}-1.0-1.el9.x86_64.rpm`;
  return { bytes, sha256: sha256Of(bytes), releasever, repository, fileName };
}

/** Uploads and kills the service at the n-th such call; the status that came all the same, 0 when none did. */
async function uploadAndKill(
  site: Site,
  { bytes, releasever }: Upload,
  call: { readonly syscall: string; readonly nth: number },
): Promise<{ readonly status: number; readonly isKilled: boolean }> {
  const { syscall, nth } = call;
  const { service } = site;
  const inject = `${syscall}:signal=KILL:when=${nth}`;
  const trace = await attachStrace(service.pid, { syscalls: syscall, inject, isWithoutChildren: true });
  const status = await putPackage(site.baseUrl, bytes, `releasever=${releasever}`).then(
    (answer) => answer.status,
    () => 0,
  );
  // What an upload removes after its answer is a call of its, too.
  const isOver = async (): Promise<boolean> => (await site.leftovers()).length === 0;
  const isGone = (): boolean => !existsSync(`/proc/${service.pid}/fd/0`);
  await eventually(async () => expect((await isOver()) || isGone()).toBe(true));
  const isKilled = status === 0 || status >= 500 || isGone();
  if (isKilled) await trace.whenEnded();
  else await trace.stop();
  return { status, isKilled };
}

async function indexOnDisk(site: Site, repository: string): Promise<readonly string[]> {
  if (!existsSync(join(site.storageDir, repository, 'repodata/repomd.xml'))) return [];
  return [...(await readIndex(readerOnDisk(site.storageDir, repository))).packages.values()];
}

describe.skipIf(lacks('strace'))('a service that is killed while it takes an upload (needs strace)', () => {
  test.each<[string, number, Front, EngineName, number]>([
    ['link', 2, 'nginx', 'createrepo', 1],
    ['rename', 8, 'none', 'incremental', 3],
    ['unlink', 1, 'none', 'incremental', 1],
  ])(
    'at any %s (%i or more; front %s, engine %s) loses nothing that it acknowledged, and publishes it when it starts again',
    async (syscall, atLeast, front, engine, every) => {
      const config = { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 } };
      await using site = await startSite(withEngine(engine, { front, config, env: ONE_WORKER_THREAD }));
      const acknowledged: Upload[] = [];
      let kills = 0;
      const calls = sampleRow(countUp(MAX_CALLS), { name: syscall, every });
      for (const nth of calls) {
        const upload = uploadOf(nth);
        const { status, isKilled } = await uploadAndKill(site, upload, { syscall, nth });
        if (status === 201) acknowledged.push(upload);
        expect(await indexOnDisk(site, upload.repository)).toEqual([]);
        for (const { repository, fileName, sha256 } of acknowledged) {
          const stored = await readFile(join(site.storageDir, repository, 'Packages', fileName));
          expect(sha256Of(stored)).toBe(sha256);
        }
        if (!isKilled) break;
        kills += 1;
        await site.restart();
        const again = await putPackage(site.baseUrl, upload.bytes, `releasever=${upload.releasever}&wait=50`);
        expect([200, 201]).toContain(again.status);
        expect(await indexOnDisk(site, upload.repository)).toEqual([upload.sha256]);
        await eventually(async () => expect(await site.leftovers()).toEqual([]));
      }
      expect(kills).toBeGreaterThanOrEqual(calls.filter((nth) => nth <= atLeast).length);
      expect(kills).toBeLessThan(calls.length);
    },
    240_000,
  );
});
