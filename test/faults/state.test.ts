import { randomBytes } from 'node:crypto';
import { open, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { canMount, pathInside, withOwnMount } from '../support/own-mount.ts';
import { openSocket, putHeader } from '../support/raw-socket.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { type RunningService, startService } from '../support/run-service.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { putPackage, reindex, sendRequest, sha256Of } from '../support/send-request.ts';
import { createTempDir } from '../support/temp-dir.ts';

const REPOSITORY = '9/x86_64';
// Longer than any test: an index run happens only when somebody waits for it.
const NEVER_QUIET = { quiet_seconds: 3600, max_wait_seconds: 86_400 };
const DIRECT = { server: { upload_header: '' } };

async function indexedDigests({ baseUrl }: Pick<Site, 'baseUrl'>): Promise<readonly string[]> {
  return [...(await readIndex(readerOverHttp(baseUrl, REPOSITORY))).packages.values()].toSorted();
}

describe('what a killed service leaves', () => {
  test('a mark: the next start indexes the repository without being asked', async () => {
    await using site = await startSite({ config: { index_updater: NEVER_QUIET } });
    const bytes = craftRpm();
    expect(await putPackage(site.baseUrl, bytes)).toMatchObject({ status: 201 });
    expect(await indexedDigests(site)).toEqual([]);
    expect(await readdir(join(site.stateDir, 'marks'))).toEqual(['9@x86_64']);
    await site.service.kill();
    await site.restart({});
    await eventually(async () => expect(await indexedDigests(site)).toEqual([sha256Of(bytes)]));
    await eventually(async () => expect(await readdir(join(site.stateDir, 'marks'))).toEqual([]));
  });

  test('a mark without anything new: the next start publishes the same packages again and clears it', async () => {
    await using site = await startSite({ front: 'none' });
    const bytes = craftRpm();
    await putPackage(site.baseUrl, bytes, 'wait=50');
    await site.service.kill();
    await writeFile(join(site.stateDir, 'marks', '9@x86_64'), '');
    await site.restart();
    await eventually(async () => expect(await readdir(join(site.stateDir, 'marks'))).toEqual([]));
    expect(await indexedDigests(site)).toEqual([sha256Of(bytes)]);
  });

  test('half-received bodies: the next start removes them, and what nginx may still be writing stays', async () => {
    await using site = await startSite({ front: 'none' });
    const bytes = craftRpm({ payload: randomBytes(100_000) });
    const socket = await openSocket(site.baseUrl);
    socket
      .on('error', () => undefined)
      .write(Buffer.concat([putHeader(bytes.length), bytes.subarray(0, 50_000)]));
    await eventually(async () => expect(await readdir(site.spoolDir)).toHaveLength(1));
    await site.service.kill();
    await writeFile(join(site.incomingDir, 'left'), bytes);
    await writeFile(join(site.spoolDir, '0000000042'), bytes);
    await site.restart();
    expect(await site.leftovers()).toEqual([join(site.spoolDir, '0000000042')]);
  });

  test('records that are gone: uploads, waiting and the index go on from what is on disk', async () => {
    await using site = await startSite({ front: 'none' });
    const stored = craftRpm({ name: 'stored' });
    const later = craftRpm({ name: 'later' });
    await putPackage(site.baseUrl, stored, 'wait=50');
    await site.service.kill();
    for (const name of await readdir(site.stateDir)) {
      if (name.startsWith('records')) await rm(join(site.stateDir, name));
    }
    await site.restart();
    expect(await putPackage(site.baseUrl, stored, 'wait=50')).toMatchObject({ status: 200 });
    expect(await putPackage(site.baseUrl, later, 'wait=50')).toMatchObject({ status: 201 });
    expect(await indexedDigests(site)).toEqual([sha256Of(stored), sha256Of(later)].toSorted());
  });
});

describe('folders that cannot be linked between', () => {
  test.skipIf(!canMount).each([
    ['another file system', '-t tmpfs -o size=10m tmpfs'],
    ['a bind mount of the same one', '--bind /tmp'],
  ])('the service refuses to start when the spool is %s', async (_title, mountArguments) => {
    await using temp = await createTempDir();
    const wrapper = withOwnMount(join(temp.path, 'spool'), mountArguments);
    await expect(startService({ root: temp.path, config: DIRECT, wrapper })).rejects.toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/TREE_UNUSABLE.*one mount/s),
    });
  });
});

async function writeUntilFull(path: string): Promise<void> {
  const file = await open(path, 'w');
  const piece = Buffer.alloc(64 * 1024);
  try {
    for (;;) await file.write(piece);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    await file.close();
  }
}

describe.skipIf(!canMount)('a full disk', () => {
  const SIZE = '24m';

  interface SmallDisk extends AsyncDisposable {
    readonly service: RunningService;
    /** Takes all space but some bytes. */
    fill(leaveBytes: number): Promise<void>;
    free(): Promise<void>;
    leftovers(): Promise<readonly string[]>;
  }

  /** A service whose root is a small file system that only it sees. */
  async function startOnSmallDisk(config: Record<string, Record<string, unknown>> = {}): Promise<SmallDisk> {
    const temp = await createTempDir();
    const root = join(temp.path, 'disk');
    const service = await startService({
      // The configuration file and the working directory lie outside of the mount.
      root: temp.path,
      config: { ...DIRECT, repo: { top_dir: join(root, 'storage') }, ...config },
      wrapper: withOwnMount(root, `-t tmpfs -o size=${SIZE} tmpfs`),
    });
    const inside = (path: string): string => pathInside(service.pid, join(root, path));
    const ballast = inside('ballast');
    return {
      service,
      fill: async (leaveBytes) => {
        await writeUntilFull(ballast);
        const { size } = await stat(ballast);
        await truncate(ballast, Math.max(0, size - leaveBytes));
      },
      free: () => rm(ballast),
      leftovers: async () => {
        const folders = ['spool', 'state/incoming', 'state/scratch'].map(inside);
        return (await Promise.all(folders.map(async (folder) => readdir(folder)))).flat();
      },
      async [Symbol.asyncDispose]() {
        await service.stop();
        await temp.remove();
      },
    };
  }

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
    await using disk = await startOnSmallDisk({ index_updater: NEVER_QUIET });
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
});
