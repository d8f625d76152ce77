import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { addTags, binaryTag, craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { startSite } from '../support/run-site.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';

const REPOSITORY = '9/x86_64';
const MIB = 1024 * 1024;
/** Asking all the time would take a processor from what is measured. */
const ASK_EVERY_MS = 50;
const PACKAGES = isLongRun ? 8 : 3;
const FILES = 200_000;
/** Of 256 MiB that rpm allows; the rest is for what every header has. */
const LARGEST_BYTES = 255 * MIB;
/** No rpm gives this number a meaning. */
const UNKNOWN_TAG = 1_000_000;

const files = Array.from({ length: FILES }, (_, index) => ({
  path: `/usr/share/package/directory${index % 1000}/file-number-${index}`,
  digest: 'd'.repeat(64),
}));

/** The most that a process ever held in memory. */
async function peakBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
}

/** The longest time that /healthz took while the work went on. */
async function slowestAnswerMs(baseUrl: string, work: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  const done = work.finally(() => over.abort());
  let slowestMs = 0;
  while (!over.signal.aborted) {
    const startedMs = performance.now();
    await sendRequest(baseUrl, { path: '/healthz' });
    slowestMs = Math.max(slowestMs, performance.now() - startedMs);
    await delay(ASK_EVERY_MS);
  }
  await done;
  return slowestMs;
}

describe('packages with big headers', () => {
  test(`of ${FILES} files each, ${PACKAGES} at once, are taken and indexed within 512 MiB, and others are answered meanwhile`, async () => {
    await using site = await startSite({ front: 'none' });
    const { pid, baseUrl } = site.service;
    const packages = Array.from({ length: PACKAGES }, (_, number) =>
      craftRpm({ name: `big${number}`, files }),
    );
    const uploads = Promise.all(packages.map((bytes) => putPackage(baseUrl, bytes, 'wait=50')));
    const slowestMs = await slowestAnswerMs(baseUrl, uploads);
    expect((await uploads).map(({ status }) => status)).toEqual(packages.map(() => 201));
    const { packages: indexed } = await readIndex(readerOverHttp(baseUrl, REPOSITORY));
    expect([...indexed.values()].toSorted()).toEqual(packages.map(sha256Of).toSorted());
    expect(await peakBytes(pid)).toBeLessThan(512 * MIB);
    expect(slowestMs).toBeLessThan(2_000);
  });

  test('as large as rpm allows are taken and indexed, in bounded memory', async () => {
    await using site = await startSite({ front: 'none' });
    const { pid, baseUrl } = site.service;
    const bulk = binaryTag(UNKNOWN_TAG, Buffer.alloc(LARGEST_BYTES));
    const large = craftRpm({ name: 'large', editHeader: addTags(bulk) });
    expect(await putPackage(baseUrl, large, 'wait=50')).toMatchObject({ status: 201 });
    expect(await putPackage(baseUrl, craftRpm({ name: 'after' }), 'wait=50')).toMatchObject({ status: 201 });
    expect((await readIndex(readerOverHttp(baseUrl, REPOSITORY))).packages.size).toBe(2);
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
    expect(await peakBytes(pid)).toBeLessThan(768 * MIB);
  });
});
