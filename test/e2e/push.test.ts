import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CI_TOKEN, startAccessSite } from '../support/access-site.ts';
import { batchAt } from '../support/batch-client.ts';
import { craftRpm, type CraftSpec } from '../support/craft-rpm.ts';
import { createGpgKeys } from '../support/gpg-keys.ts';
import { runPush } from '../support/run-push.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { sha256Of } from '../support/send-request.ts';

const MIB = 1024 * 1024;
const LARGE_BYTES = 20 * MIB;
const RESUMABLE_BYTES = 65 * MIB;
const BUILD_URL = 'http://ci.example.com/job/7';

async function makePackage(site: Site, name: string, spec: CraftSpec = {}): Promise<string> {
  const path = join(site.workDir, `${name}.rpm`);
  await writeFile(path, craftRpm({ name, version: '1.0', release: '1.el9', arch: 'x86_64', ...spec }));
  return path;
}

/** Packages of which the last is large. */
async function makePackages(site: Site): Promise<readonly string[]> {
  const small = await Promise.all(['a', 'b', 'c'].map(async (name) => makePackage(site, name)));
  return [...small, await makePackage(site, 'large', { payload: Buffer.alloc(LARGE_BYTES, 'x') })];
}

const FRONTS = ['nginx', 'none'] as const;

describe.each(FRONTS)('rpmyard push, in front of the service: %s', (front) => {
  it('sends packages of any size, once it has the right to, until they are in the index', async () => {
    await using site = await startAccessSite(front);
    const paths = await makePackages(site);
    const args = ['--wait', '--json', '--url', site.baseUrl, ...paths];
    const refused = await runPush(args, { RPMYARD_TOKEN: 'wrong' });
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      files: paths.map(() => ({ status: 'refused', attempts: 1, code: 'CREDENTIALS_INVALID' })),
    });
    const taken = await runPush(args, { RPMYARD_TOKEN: CI_TOKEN });
    expect(taken).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(taken.stdout)).toMatchObject({
      files: paths.map(() => ({ status: 'created', attempts: 1, places: [{ state: 'published' }] })),
      exitCode: 0,
    });
    expect(await site.leftovers()).toEqual([]);
  });

  it('sends a file of 64 MiB and more as one that can be resumed', async () => {
    await using site = await startAccessSite(front);
    const path = await makePackage(site, 'huge', { payload: Buffer.alloc(RESUMABLE_BYTES, 'x') });
    const push = (): Promise<{ readonly exitCode: number; readonly stdout: string }> =>
      runPush(['--wait', '--url', site.baseUrl, path], { RPMYARD_TOKEN: CI_TOKEN, BUILD_URL });
    const first = await push();
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(/^created huge-1\.0-1\.el9\.x86_64 in 9\/x86_64\n/);
    expect((await push()).stdout).toMatch(/^unchanged huge-1\.0-1\.el9\.x86_64 in 9\/x86_64\n/);
    const audit = (await readFile(join(site.stateDir, 'audit.log'), 'utf8')).trim().split('\n');
    const resumed = audit
      .map((line): Readonly<Record<string, unknown>> => JSON.parse(line))
      .filter(({ url }) => String(url).startsWith('/upload/resumable/'));
    expect(resumed).toMatchObject([
      { method: 'PATCH', outcome: 'created', buildUrl: BUILD_URL },
      { method: 'PATCH', outcome: 'unchanged', buildUrl: BUILD_URL },
    ]);
    expect(await site.leftovers()).toEqual([]);
  });
});

describe('rpmyard push, of more requests than nginx takes', () => {
  it.each([
    { from: 'burst=1000 ', to: 'burst=1 ' },
    { from: 'burst=2000 ', to: 'burst=1 ' },
    { from: 'rpmyard_client_requests_at_once 256;', to: 'rpmyard_client_requests_at_once 1;' },
    { from: 'rpmyard_client_uploads 64;', to: 'rpmyard_client_uploads 1;' },
  ])('tries again until all are in the index: $to', async (few) => {
    const slow = [
      { from: 'rate=100r/s;', to: 'rate=2r/s;' },
      { from: 'rate=500r/s;', to: 'rate=2r/s;' },
    ];
    await using site = await startSite({ replacements: [few, ...slow] });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const paths = await Promise.all(names.map(async (name) => makePackage(site, name)));
    const { exitCode, stdout } = await runPush(['--wait', '--json', '--url', site.baseUrl, ...paths]);
    expect(JSON.parse(stdout)).toMatchObject({
      files: paths.map(() => ({ status: 'created', places: [{ state: 'published' }] })),
    });
    expect(exitCode).toBe(0);
  });
});

describe('rpmyard push --batch', () => {
  const namesIn = async (site: Site): Promise<readonly string[]> =>
    (await readdir(join(site.storageDir, '9/x86_64/Packages'))).toSorted();

  it('publishes all, or nothing when one of them is in conflict', async () => {
    await using site = await startAccessSite('nginx');
    const env = { RPMYARD_TOKEN: CI_TOKEN };
    const args = ['--batch', '--wait', '--json', '--url', site.baseUrl];
    const [a = '', b = ''] = await Promise.all(['a', 'b'].map(async (name) => makePackage(site, name)));
    const published = await runPush([...args, a, b], env);
    expect(published).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(published.stdout)).toMatchObject({
      files: [a, b].map(() => ({ status: 'created', places: [{ state: 'published' }] })),
      batch: { state: 'committed' },
    });
    await makePackage(site, 'b', { summary: 'other bytes' });
    const other = await makePackage(site, 'c');
    const refused = await runPush([...args, b, other], env);
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      files: [{ status: 'refused', code: 'PACKAGE_CONFLICT' }, { status: 'staged' }],
      batch: { state: 'dropped', code: 'BATCH_REFUSED' },
      exitCode: 1,
    });
    expect(await namesIn(site)).toEqual(['a-1.0-1.el9.x86_64.rpm', 'b-1.0-1.el9.x86_64.rpm']);
  });

  it('goes on with a batch that has a name, after a push to it that failed', async () => {
    await using site = await startAccessSite('nginx');
    const push = (...paths: readonly string[]) =>
      runPush(['--batch-id', 'nightly', '--url', site.baseUrl, ...paths], { RPMYARD_TOKEN: CI_TOKEN });
    const good = await makePackage(site, 'good');
    const late = join(site.workDir, 'late.rpm');
    await writeFile(late, 'not ready');
    const failed = await push(good, late);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(
      /batch nightly: nothing of it is published; it stays on the service until \d{4}-/,
    );
    expect(await batchAt(site.baseUrl, 'nightly')).toMatchObject({ state: 'staged', packageCount: 1 });
    await makePackage(site, 'late');
    expect(await push(late)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await namesIn(site)).toEqual(['good-1.0-1.el9.x86_64.rpm', 'late-1.0-1.el9.x86_64.rpm']);
  });

  it('knows its packages again when the service signs them at the commit', async () => {
    await using keys = await createGpgKeys();
    const ours = await keys.makeKey('Ours <ours@example.com>', { algorithm: 'rsa2048' });
    const signing = { keys: [ours], gnupg_home: keys.path, sign_packages: true };
    await using site = await startSite({ front: 'nginx', config: { signing } });
    const paths = await Promise.all(['a', 'b'].map(async (name) => makePackage(site, name)));
    const sent = await Promise.all(paths.map(async (path) => sha256Of(await readFile(path))));
    const push = async (): Promise<string> => {
      const { exitCode, stdout } = await runPush([
        '--batch',
        '--wait',
        '--json',
        '--url',
        site.baseUrl,
        ...paths,
      ]);
      expect(exitCode).toBe(0);
      return stdout;
    };
    for (const status of ['created', 'unchanged']) {
      const { files } = JSON.parse(await push());
      expect(files).toMatchObject(
        sent.map((receivedSha256) => ({ status, receivedSha256, places: [{ state: 'published' }] })),
      );
      for (const [index, { sha256 }] of files.entries()) expect(sha256).not.toBe(sent[index]);
    }
    // One that is in conflict is named by the file that was sent.
    const conflict = await makePackage(site, 'b', { summary: 'other bytes' });
    const refused = await runPush(['--batch', '--json', '--url', site.baseUrl, ...paths]);
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      files: [{ status: 'staged' }, { file: conflict, status: 'refused', code: 'PACKAGE_CONFLICT' }],
      batch: { state: 'dropped' },
    });
    expect(await namesIn(site)).toHaveLength(2);
  });
});
