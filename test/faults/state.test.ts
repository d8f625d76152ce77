import { randomBytes } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { withOwnMount } from '../support/own-mount.ts';
import { openSocket, putHeader } from '../support/raw-socket.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { startService } from '../support/run-service.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { putPackage, sha256Of } from '../support/send-request.ts';
import { createTempDir } from '../support/temp-dir.ts';

const REPOSITORY = '9/x86_64';
// Longer than any test: an index run happens only when a client waits for it.
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
  test.skipIf(lacks('mounts')).each([
    ['another file system', '-t tmpfs -o size=10m tmpfs'],
    ['a bind mount of the same one', '--bind /tmp'],
  ])('the service refuses to start when the spool is %s (needs mounts)', async (_title, mountArguments) => {
    await using temp = await createTempDir();
    const wrapper = withOwnMount(join(temp.path, 'spool'), mountArguments);
    await expect(startService({ root: temp.path, config: DIRECT, wrapper })).rejects.toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/TREE_UNUSABLE.*one mount/s),
    });
  });
});
