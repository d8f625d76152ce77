import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toAppError } from '../../src/errors.ts';
import { SqliteRecords } from '../../src/storage/local/sqlite-records.ts';
import type { Receipt } from '../../src/storage/records.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { startSite } from '../support/run-site.ts';
import { putPackage, sha256Of } from '../support/send-request.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const REPOSITORY = repo('9/x86_64');
/** More than SQLite keeps in memory (2 MB), so that it has to read. */
const RECEIPTS = 20_000;

/** Overwrites everything behind the first page, so that it still looks like a database. */
async function damage(path: string): Promise<void> {
  const bytes = await readFile(path);
  await writeFile(path, bytes.fill(0x5a, Math.min(4096, bytes.length / 2)), { flag: 'r+' });
}

function receipts(): readonly Receipt[] {
  return Array.from({ length: RECEIPTS }, (_, number) => ({
    repository: REPOSITORY,
    location: `Packages/package${number}-1.0-1.el9.x86_64.rpm`,
    sha256: sha256Of(Buffer.from(String(number))),
    nevra: `package${number}-1.0-1.el9.x86_64`,
    sizeBytes: 1,
    placedAtMs: 1,
    publishedAtMs: undefined,
  }));
}

describe('records that are damaged', () => {
  test.each(['first page', 'later pages'])(
    '(%s) while the service is stopped keep it from starting and say what to do; moved away, nothing is lost',
    async (part) => {
      await using site = await startSite({ front: 'none' });
      const stored = craftRpm({ name: 'stored' });
      expect(await putPackage(site.baseUrl, stored, 'wait=50')).toMatchObject({ status: 201 });
      await site.service.stop();
      const path = join(site.stateDir, 'records.sqlite');
      const whole = await readFile(path);
      if (part === 'first page') await writeFile(path, Buffer.alloc(whole.length, 'x'));
      else await damage(path);
      await expect(site.restart()).rejects.toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/TREE_UNUSABLE.*records.*backup.*move it away/s),
      });
      await writeFile(path, '');
      await site.restart();
      expect(await putPackage(site.baseUrl, stored, 'wait=50')).toMatchObject({ status: 200 });
      const { packages } = await readIndex(readerOverHttp(site.baseUrl, REPOSITORY));
      expect([...packages.values()]).toEqual([sha256Of(stored)]);
    },
  );

  test('while they are open fail with a code and say what to do', async () => {
    await using temp = await createTempDir();
    const first = new SqliteRecords(temp.path);
    await first.saveReceipts(receipts());
    await first.close();
    const records = new SqliteRecords(temp.path);
    await damage(join(temp.path, 'records.sqlite'));
    const thrown = await records.listReceipts(REPOSITORY).catch((error: unknown) => error);
    await records.close();
    expect(toAppError(thrown)).toMatchObject({
      code: 'STORAGE_FAILED',
      hint: expect.stringContaining('records.sqlite'),
    });
  });
});
