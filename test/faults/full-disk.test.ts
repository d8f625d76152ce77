import { randomBytes } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { type HttpAnswer, putPackage, reindex, sendRequest, sha256Of } from '../support/send-request.ts';
import { openSocket, putHeader, readToEnd } from '../support/raw-socket.ts';
import { runCurl } from '../support/run-curl.ts';
import { shareSite } from '../support/share-site.ts';
import { type SmallDisk, startOnSmallDisk } from '../support/small-disk.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const REPOSITORY = '9/x86_64';
// Longer than any test: an index run happens only when a client waits for it.
const NEVER_QUIET = { quiet_seconds: 3600, max_wait_seconds: 86_400 };
const MIB = 1024 * 1024;
const RESERVE_BYTES = 16 * MIB;
// What the service writes beside bodies at the same time.
const OTHERS_BYTES = MIB;
const TUS = { 'tus-resumable': '1.0.0' };

let dir: TempDir;
beforeAll(async () => {
  dir = await createTempDir();
});
afterAll(() => dir.remove());

/** The path of a sparse file. */
async function zeros(sizeBytes: number): Promise<string> {
  const path = join(dir.path, String(sizeBytes));
  await writeFile(path, '');
  await truncate(path, sizeBytes);
  return path;
}

function postUpload(baseUrl: string, lengthBytes: number): Promise<HttpAnswer> {
  const headers = { ...TUS, 'upload-length': lengthBytes };
  return sendRequest(baseUrl, { method: 'POST', path: '/upload/resumable', headers });
}

/** Gives the path of the upload. */
async function beginUpload(baseUrl: string, lengthBytes: number): Promise<string> {
  const { headers } = await postUpload(baseUrl, lengthBytes);
  return `/upload/${headers.location ?? ''}`;
}

async function offsetOf(baseUrl: string, path: string): Promise<number> {
  const { headers } = await sendRequest(baseUrl, { method: 'HEAD', path, headers: TUS });
  return Number(headers['upload-offset']);
}

/** In chunks, so that only what arrives says how much it is. */
async function patchInChunks(
  site: SmallDisk,
  path: string,
  offset: number,
  sizeBytes: number,
): Promise<number> {
  const headers = [
    'Tus-Resumable: 1.0.0',
    'Content-Type: application/offset+octet-stream',
    `Upload-Offset: ${offset}`,
    'Transfer-Encoding: chunked',
  ].flatMap((header) => ['-H', header]);
  const file = await zeros(sizeBytes);
  const { status } = await runCurl('-X', 'PATCH', ...headers, '-T', file, `${site.baseUrl}${path}`);
  return status;
}

async function freeBytes(baseUrl: string): Promise<number> {
  const { text } = await sendRequest(baseUrl, { path: '/metrics' });
  return Number(/^rpmyard_free_bytes (.+)$/m.exec(text)?.[1]);
}

/** Watches how few bytes are free, until the scope is left. */
function watchFreeBytes(disk: SmallDisk): Disposable & { readonly least: () => number } {
  let least = Number.POSITIVE_INFINITY;
  const look = (): void => {
    const { bavail, bsize } = statfsSync(disk.inside(''));
    least = Math.min(least, bavail * bsize);
  };
  const timer = setInterval(look, 1);
  return {
    // Also now, since a busy machine fires the timer late.
    least: () => {
      look();
      return least;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

async function indexedDigests(
  { baseUrl }: { readonly baseUrl: string },
  repository = REPOSITORY,
): Promise<readonly string[]> {
  return [...(await readIndex(readerOverHttp(baseUrl, repository))).packages.values()].toSorted();
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

describe.skipIf(lacks('mounts'))('a full disk (needs mounts)', () => {
  // For tests that go to a repository of their own and leave what room there was but a megabyte.
  const shared = shareSite(() => startOnSmallDisk({ size: '32m' }));

  // The space that is left when the package comes: none, less than the package, less than the index needs, ...
  test.each([
    [0, '4'],
    [4096, '5'],
    [100_000, '6'],
    [400_000, '7'],
    [700_000, '8'],
  ])(
    'with %d bytes left refuses uploads with 507, keeps the old index, and heals without a restart',
    async (leaveBytes, releasever) => {
      const disk = shared();
      const { baseUrl } = disk.service;
      const repository = `${releasever}/x86_64`;
      const put = (bytes: Uint8Array, wait = '') =>
        putPackage(baseUrl, bytes, `releasever=${releasever}${wait}`);
      const before = craftRpm({ name: 'before' });
      const large = craftRpm({ name: 'large', payload: randomBytes(800_000) });
      expect(await put(before, '&wait=50')).toMatchObject({ status: 201 });

      await disk.fill(leaveBytes);
      const refused = await put(large);
      expect(refused.json()).toMatchObject({ status: 507, code: 'STORAGE_FULL' });
      expect(await indexedDigests({ baseUrl }, repository)).toEqual([sha256Of(before)]);
      await eventually(async () => expect(await disk.leftovers()).toEqual([]));

      await disk.free();
      expect(await put(large, '&wait=50')).toMatchObject({ status: 201 });
      expect(await indexedDigests({ baseUrl }, repository)).toEqual(
        [sha256Of(before), sha256Of(large)].toSorted(),
      );
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

  test('takes no piece of a resumable upload into the reserve, keeps what came before, and goes on when there is room', async () => {
    await using disk = await startOnSmallDisk({ size: '40m' });
    const { baseUrl } = disk;
    // Each alone would fit.
    const paths = [await beginUpload(baseUrl, 20 * MIB), await beginUpload(baseUrl, 20 * MIB)];
    expect(await postUpload(baseUrl, 30 * MIB)).toMatchObject({ status: 507 });
    const statuses = await Promise.all(paths.map((path) => patchInChunks(disk, path, 0, 20 * MIB - 1)));
    expect(statuses).toContain(507);
    expect(await freeBytes(baseUrl)).toBeGreaterThan(RESERVE_BYTES - OTHERS_BYTES);

    const offsets = await Promise.all(paths.map((path) => offsetOf(baseUrl, path)));
    expect(Math.min(...offsets)).toBeGreaterThan(0);
    const [first = '', second = ''] = paths;
    const [, offset = 0] = offsets;
    await sendRequest(baseUrl, { method: 'DELETE', path: first, headers: TUS });
    expect(await patchInChunks(disk, second, offset, 20 * MIB - 1 - offset)).toBe(204);
  });

  test.each([
    ['package', ['-T'], '/upload'],
    ['metadata', ['-T'], '/api/v1/repositories/9/x86_64/metadata/group'],
    ['form', ['-F'], '/upload'],
  ])(
    'takes no %s in chunks into the reserve, and removes what came of it',
    async (_what, [option = ''], path) => {
      await using disk = await startOnSmallDisk({ size: '40m' });
      const { baseUrl } = disk;
      expect(await putPackage(baseUrl, craftRpm({ name: 'before' }), 'wait=50')).toMatchObject({
        status: 201,
      });
      const file = await zeros(30 * MIB);
      using watch = watchFreeBytes(disk);
      const given = option === '-F' ? `file=@${file}` : file;
      const answer = await runCurl('-H', 'Transfer-Encoding: chunked', option, given, `${baseUrl}${path}`);
      expect(answer).toMatchObject({ status: 507 });
      expect(watch.least()).toBeGreaterThan(RESERVE_BYTES - OTHERS_BYTES);
      expect(watch.least()).toBeLessThan(RESERVE_BYTES + 4 * MIB);
      expect(await disk.leftovers()).toEqual([]);
    },
  );

  test('has nginx refuse a body that would not fit beside the reserve before it spools any of it', async () => {
    await using disk = await startOnSmallDisk({ front: 'nginx' });
    const socket = await openSocket(disk.baseUrl);
    // Nothing of the body is sent: nginx has to know from its length alone.
    socket.write(putHeader(20 * MIB));
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 507 [^]*ERROR STORAGE_FULL: /);
    // One in chunks may become as large as any.
    const chunked = await openSocket(disk.baseUrl);
    chunked.write(
      'PUT /upload HTTP/1.1\r\nHost: repo\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\n',
    );
    expect(await readToEnd(chunked)).toMatch(/^HTTP\/1\.1 507 [^]*ERROR STORAGE_FULL: /);
    expect(await disk.leftovers()).toEqual([]);
    expect(await putPackage(disk.baseUrl, craftRpm(), 'wait=50')).toMatchObject({ status: 201 });
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
      // The service is asked before nginx writes anything.
      expect([leaveBytes, refused.json()]).toMatchObject([leaveBytes, { code: 'STORAGE_FULL' }]);
      expect(refused.status).toBeGreaterThanOrEqual(500);
      expect(await indexedDigests({ baseUrl })).toEqual([sha256Of(before)]);
      await eventually(async () => expect(await disk.leftovers()).toEqual([]));
      await disk.free();
    }
    expect(await putPackage(baseUrl, large, 'wait=50')).toMatchObject({ status: 201 });
    expect(await indexedDigests({ baseUrl })).toEqual([sha256Of(before), sha256Of(large)].toSorted());
  });
});
