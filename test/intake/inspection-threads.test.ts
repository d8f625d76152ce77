import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toAppError } from '../../src/errors.ts';
import { type DigestJob, digestFile } from '../../src/intake/inspect/digest-file.ts';
import { createInspectionThreads, type InspectionThreads } from '../../src/intake/inspection-threads.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;
let pool: InspectionThreads;

beforeEach(async () => {
  dir = await createTempDir();
  pool = createInspectionThreads(2);
});

afterEach(async () => {
  await pool.close();
  await dir.remove();
});

function jobOf(path: string, sizeBytes: number): DigestJob {
  return {
    path,
    sizeBytes,
    headerStart: 10,
    payloadStart: 20,
    sha256: undefined,
    isSha512Needed: true,
    payload: ['sha256'],
    isHeaderAndPayloadMd5Needed: true,
  };
}

async function file(name: string, sizeBytes: number): Promise<DigestJob> {
  const path = join(dir.path, name);
  await writeFile(path, randomBytes(sizeBytes));
  return jobOf(path, sizeBytes);
}

describe('the threads that hash', () => {
  it('computes what would be computed here', async () => {
    const job = await file('a', 3_000_000);
    expect(await pool.digest(job)).toEqual(digestFile(job));
    const sha256 = createHash('sha256').update('known').digest('hex');
    expect(await pool.digest({ ...job, sha256 })).toMatchObject({ sha256 });
  });

  it('keeps the results of many jobs at once apart', async () => {
    const jobs = await Promise.all(
      Array.from({ length: 20 }, (_, index) => file(`${index}`, 10_000 + index)),
    );
    expect(await Promise.all(jobs.map((job) => pool.digest(job)))).toEqual(
      jobs.map((job) => digestFile(job)),
    );
  });

  it('leaves this thread free meanwhile', async () => {
    const job = await file('large', 20_000_000);
    let turns = 0;
    const ticker = setInterval(() => {
      turns += 1;
    }, 1);
    await pool.digest(job);
    clearInterval(ticker);
    expect(turns).toBeGreaterThan(0);
  });

  it('hands on an error of the file system as such, and works on', async () => {
    const failure = await pool.digest(jobOf(join(dir.path, 'none'), 100)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'ENOENT', syscall: 'open' });
    expect(toAppError(failure)).toMatchObject({ code: 'STORAGE_FAILED' });
    const job = await file('a', 1000);
    expect(await pool.digest(job)).toEqual(digestFile(job));
  });

  it('can be closed without ever having been used', async () => {
    await expect(createInspectionThreads().close()).resolves.toBeUndefined();
  });
});
