import { chmod, chown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { withOwnMount } from '../support/own-mount.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { type RunningService, startService } from '../support/run-service.ts';
import { putPackage, reindex, sendRequest, sha256Of } from '../support/send-request.ts';
import { shareSite } from '../support/share-site.ts';
import { attachStrace } from '../support/strace.ts';
import { createTempDir } from '../support/temp-dir.ts';

const REPOSITORY = '9/x86_64';
const DIRECT = { server: { upload_header: '' } };
/** Of nobody and nogroup on every distribution. */
const NOBODY = 65_534;

interface Attempt extends AsyncDisposable {
  readonly service: RunningService;
}

/** A service of an ordinary user: root passes over every mode. */
async function startAsNobody(): Promise<Attempt> {
  const temp = await createTempDir();
  await chmod(temp.path, 0o755);
  const root = join(temp.path, 'site');
  await mkdir(root);
  await chown(root, NOBODY, NOBODY);
  const wrapper = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const service = await startService({ root, config: DIRECT, wrapper, env: { HOME: root } });
  return {
    service,
    async [Symbol.asyncDispose]() {
      await service.stop();
      await temp.remove();
    },
  };
}

async function indexedDigests(
  { storageDir }: RunningService,
  repository = REPOSITORY,
): Promise<readonly string[]> {
  return [...(await readIndex(readerOnDisk(storageDir, repository))).packages.values()].toSorted();
}

async function leftoversOf({ spoolDir, incomingDir, stateDir }: RunningService): Promise<readonly string[]> {
  const folders = [spoolDir, incomingDir, join(stateDir, 'scratch')];
  return (await Promise.all(folders.map(async (folder) => readdir(folder)))).flat();
}

const before = craftRpm({ name: 'before' });
const during = craftRpm({ name: 'during' });
const after = craftRpm({ name: 'after' });

describe.skipIf(lacks('root'))('a directory that the service may no longer write to (needs root)', () => {
  const shared = shareSite(startAsNobody);

  // Each goes to a repository of its own.
  test.each<[string, string, (service: RunningService) => string]>([
    ['Packages', '5', ({ storageDir }) => join(storageDir, '5/x86_64/Packages')],
    ['marks', '6', ({ stateDir }) => join(stateDir, 'marks')],
    ['incoming', '7', ({ incomingDir }) => incomingDir],
    ['the spool', '8', ({ spoolDir }) => spoolDir],
  ])(
    '(%s) refuses uploads with a code, by mode or by owner, keeps the index, and heals',
    async (_title, releasever, pathOf) => {
      const { service } = shared();
      const repository = `${releasever}/x86_64`;
      const put = (bytes: Uint8Array, wait = '') =>
        putPackage(service.baseUrl, bytes, `releasever=${releasever}${wait}`);
      expect(await put(before, '&wait=50')).toMatchObject({ status: 201 });
      const path = pathOf(service);
      const spoil = [() => chmod(path, 0o555), () => chown(path, 0, 0)];
      const mend = [() => chmod(path, 0o755), () => chown(path, NOBODY, NOBODY)];
      for (const [index, breakIt] of spoil.entries()) {
        // An answer does not wait until its file in incoming is gone.
        await eventually(async () => expect(await leftoversOf(service)).toEqual([]));
        await breakIt();
        const refused = await put(index === 0 ? during : after);
        expect(refused.json()).toMatchObject({
          status: 500,
          code: 'STORAGE_FAILED',
          detail: expect.stringContaining('EACCES'),
        });
        expect(await indexedDigests(service, repository)).toContain(sha256Of(before));
        await mend[index]?.();
        const taken = await put(index === 0 ? during : after, '&wait=50');
        expect(taken).toMatchObject({ status: 201 });
      }
      expect(await indexedDigests(service, repository)).toEqual(
        [before, during, after].map(sha256Of).toSorted(),
      );
      await eventually(async () => expect(await leftoversOf(service)).toEqual([]));
    },
  );

  test('(repodata) keeps the old index and the mark, names the fault, and publishes all when it may again', async () => {
    const { service } = shared();
    const { baseUrl } = service;
    expect(await putPackage(baseUrl, before, 'wait=50')).toMatchObject({ status: 201 });
    const repodata = join(service.storageDir, REPOSITORY, 'repodata');
    await chmod(repodata, 0o555);
    const failed = await putPackage(baseUrl, during, 'wait=50');
    expect(failed.json()).toMatchObject({ status: 500, code: 'STORAGE_FAILED' });
    expect(await indexedDigests(service)).toEqual([sha256Of(before)]);
    expect(await readdir(join(service.stateDir, 'marks'))).toEqual(['9@x86_64']);
    expect((await sendRequest(baseUrl, { path: '/readyz' })).json()).toMatchObject({
      status: 'degraded',
      faults: [{ repository: REPOSITORY, code: 'STORAGE_FAILED' }],
    });
    await chmod(repodata, 0o755);
    expect(await reindex(baseUrl, REPOSITORY)).toMatchObject({ status: 200 });
    expect(await indexedDigests(service)).toEqual([before, during].map(sha256Of).toSorted());
  });
});

describe('a read-only tree', () => {
  test.skipIf(lacks('mounts'))('is refused at the start with a clear error (needs mounts)', async () => {
    await using temp = await createTempDir();
    const root = join(temp.path, 'site');
    const service = await startService({ root, config: DIRECT });
    await service.stop();
    const wrapper = withOwnMount(root, `-o bind,ro '${root}'`);
    await expect(startService({ root, config: DIRECT, wrapper })).rejects.toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/TREE_UNUSABLE.*rights.*disk/s),
    });
  });

  // The kernel makes a file system read-only like this after an error of the disk; mount refuses it while files are open.
  test.skipIf(lacks('strace'))(
    'while the service runs refuses uploads with a code, keeps the index, and heals (needs strace)',
    async () => {
      await using temp = await createTempDir();
      await using service = await startService({ root: temp.path, config: DIRECT });
      const { baseUrl, pid } = service;
      expect(await putPackage(baseUrl, before, 'wait=50')).toMatchObject({ status: 201 });
      const syscalls = 'link,rename,mkdir,unlink,pwrite64,pwritev,fsync,ftruncate';
      const trace = await attachStrace(pid, { syscalls, inject: `${syscalls}:error=EROFS` });
      const refused = await putPackage(baseUrl, during);
      expect(refused.json()).toMatchObject({ status: 500, code: 'STORAGE_FAILED' });
      expect((await reindex(baseUrl, REPOSITORY)).status).toBe(500);
      expect(await sendRequest(baseUrl, { path: '/readyz' })).toMatchObject({ status: 503 });
      expect(await indexedDigests(service)).toEqual([sha256Of(before)]);
      await trace.stop();
      expect(await putPackage(baseUrl, during, 'wait=50')).toMatchObject({ status: 201 });
      expect(await indexedDigests(service)).toEqual([before, during].map(sha256Of).toSorted());
    },
  );
});
