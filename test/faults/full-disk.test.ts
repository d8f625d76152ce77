import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { canMount } from '../support/own-mount.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { putPackage, reindex, sendRequest, sha256Of } from '../support/send-request.ts';
import { type SmallDisk, startOnSmallDisk } from '../support/small-disk.ts';

const REPOSITORY = '9/x86_64';
// Longer than any test: an index run happens only when somebody waits for it.
const NEVER_QUIET = { quiet_seconds: 3600, max_wait_seconds: 86_400 };
const MIB = 1024 * 1024;

async function indexedDigests({ baseUrl }: { readonly baseUrl: string }): Promise<readonly string[]> {
  return [...(await readIndex(readerOverHttp(baseUrl, REPOSITORY))).packages.values()].toSorted();
}

/** Uploads packages, with as much in the index as on the disk, until one is refused; gives the digests of the others. */
async function uploadUntilRefused(
  { service: { baseUrl } }: SmallDisk,
  round: number,
): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  for (let number = 0; ; number += 1) {
    const files = Array.from({ length: 4_000 }, () => ({
      path: `/usr/share/${randomBytes(20).toString('hex')}`,
    }));
    const bytes = craftRpm({ name: `filling${round}.${number}`, files });
    const answer = await putPackage(baseUrl, bytes);
    if (answer.status === 507) return acknowledged;
    if (answer.status !== 201) throw new Error(answer.text);
    acknowledged.push(sha256Of(bytes));
  }
}

describe.skipIf(!canMount)('a full disk', () => {
  // The space that is left when the package comes: none, less than the package, less than the index needs, ...
  test.each([0, 4096, 100_000, 400_000, 700_000])(
    'with %d bytes left refuses uploads with 507, keeps the old index, and heals without a restart',
    async (leaveBytes) => {
      await using disk = await startOnSmallDisk();
      const { baseUrl } = disk.service;
      const before = craftRpm({ name: 'before' });
      const large = craftRpm({ name: 'large', payload: randomBytes(800_000) });
      expect(await putPackage(baseUrl, before, 'wait=50')).toMatchObject({ status: 201 });

      await disk.fill(leaveBytes);
      const refused = await putPackage(baseUrl, large);
      expect(refused.json()).toMatchObject({ status: 507, code: 'STORAGE_FULL' });
      expect(await indexedDigests({ baseUrl })).toEqual([sha256Of(before)]);
      await eventually(async () => expect(await disk.leftovers()).toEqual([]));

      await disk.free();
      expect(await putPackage(baseUrl, large, 'wait=50')).toMatchObject({ status: 201 });
      expect(await indexedDigests({ baseUrl })).toEqual([sha256Of(before), sha256Of(large)].toSorted());
      expect((await sendRequest(baseUrl, { path: '/readyz' })).json()).toEqual({
        status: 'ready',
        faults: [],
      });
    },
  );

  test('is said by /readyz, which is 503 as long as an upload would fail', async () => {
    await using disk = await startOnSmallDisk();
    const { baseUrl } = disk.service;
    await disk.fill(0);
    const ready = await sendRequest(baseUrl, { path: '/readyz' });
    expect(ready.status).toBe(503);
    expect(ready.json()).toMatchObject({ status: 'unavailable', faults: [{ code: 'STORAGE_FULL' }] });
    await disk.free();
    await eventually(async () => {
      expect(await sendRequest(baseUrl, { path: '/readyz' })).toMatchObject({ status: 200 });
    });
  });

  test('during an index run leaves the old index whole, names the fault, and the run is repeated when there is room', async () => {
    await using disk = await startOnSmallDisk({ config: { index_updater: NEVER_QUIET } });
    const { baseUrl } = disk.service;
    const before = craftRpm({ name: 'before' });
    const after = craftRpm({ name: 'after' });
    await putPackage(baseUrl, before, 'wait=50');
    await putPackage(baseUrl, after);
    await disk.fill(0);
    const failed = await reindex(baseUrl, REPOSITORY);
    expect(failed.status).toBeGreaterThanOrEqual(500);
    expect(await indexedDigests({ baseUrl })).toEqual([sha256Of(before)]);
    await disk.free();
    expect(await reindex(baseUrl, REPOSITORY)).toMatchObject({ status: 200 });
    expect(await indexedDigests({ baseUrl })).toEqual([sha256Of(before), sha256Of(after)].toSorted());
  });

  test('is never filled so far that what was taken could not be published, run after run', async () => {
    await using disk = await startOnSmallDisk({ size: '40m', config: { index_updater: NEVER_QUIET } });
    const { baseUrl } = disk.service;
    const acknowledged: string[] = [];
    let refusals = 0;
    for (; refusals < 4; refusals += 1) {
      const taken = await uploadUntilRefused(disk, refusals);
      acknowledged.push(...taken);
      expect(await reindex(baseUrl, REPOSITORY)).toMatchObject({ status: 200 });
      expect(await indexedDigests({ baseUrl })).toEqual(acknowledged.toSorted());
    }
    expect(acknowledged.length).toBeGreaterThan(5);
    const [first = ''] = acknowledged;
    // What is there already needs no room.
    expect(await sendRequest(baseUrl, { path: `/api/v1/uploads/${first}` })).toMatchObject({ status: 200 });
    expect(await disk.leftovers()).toEqual([]);
  });

  test('that nginx cannot spool to answers 5xx, keeps the old index, and heals', async () => {
    await using disk = await startOnSmallDisk({ front: 'nginx' });
    const { baseUrl } = disk;
    const before = craftRpm({ name: 'before' });
    const large = craftRpm({ name: 'large', payload: randomBytes(800_000) });
    expect(await putPackage(baseUrl, before, 'wait=50')).toMatchObject({ status: 201 });
    for (const leaveBytes of [0, 4096, 400_000, 2 * MIB]) {
      await disk.fill(leaveBytes);
      const refused = await putPackage(baseUrl, large);
      // nginx does not tell why it could not write.
      const code = leaveBytes < large.length ? 'STORAGE_FAILED' : 'STORAGE_FULL';
      expect([leaveBytes, refused.json()]).toMatchObject([leaveBytes, { code }]);
      expect(await indexedDigests({ baseUrl })).toEqual([sha256Of(before)]);
      await eventually(async () => expect(await disk.leftovers()).toEqual([]));
      await disk.free();
    }
    expect(await putPackage(baseUrl, large, 'wait=50')).toMatchObject({ status: 201 });
    expect(await indexedDigests({ baseUrl })).toEqual([sha256Of(before), sha256Of(large)].toSorted());
  });
});
