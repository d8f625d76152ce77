import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { createGpgKeys, stopAgent } from '../support/gpg-keys.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { putPackage, sendRequest } from '../support/send-request.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { createTestSigner } from '../support/test-signer.ts';
import { type EngineName, withEngine } from '../support/with-engine.ts';

const REPOSITORY = '9/x86_64';

const SIGNATURE = '/repo/9/x86_64/repodata/repomd.xml.asc';
const KEYS = '/repo/RPM-GPG-KEY-rpmyard';

const siteOptions = (engine: EngineName, signing?: { gnupgHome: string; keys: readonly string[] }) =>
  withEngine(engine, {
    front: 'none' as const,
    config: signing === undefined ? {} : { signing: { keys: signing.keys, gnupg_home: signing.gnupgHome } },
  });

const statusOf = async (site: Site, path: string): Promise<number> =>
  (await sendRequest(site.baseUrl, { path })).status;
const textOf = async (site: Site, path: string): Promise<string> =>
  (await sendRequest(site.baseUrl, { path })).text;

describe.each<EngineName>(['incremental', 'createrepo'])('with the %s engine', (engine) => {
  test('signing that is switched on, given another key and switched off shows in every repository after the start', async () => {
    await using home = await createGpgKeys();
    const [first, second] = [await home.makeKey('first'), await home.makeKey('second')];
    const gnupgHome = home.path;
    const judge = createTestSigner(gnupgHome, [first, second]);
    await using site = await startSite(siteOptions(engine));
    expect((await putPackage(site.baseUrl, craftRpm({ name: 'alpha' }), 'wait=50')).status).toBe(201);
    expect(await statusOf(site, SIGNATURE)).toBe(404);
    expect(await textOf(site, '/repo/9/x86_64.repo')).toContain('baseurl=');

    for (const key of [first, second]) {
      await site.service.stop();
      await site.restart(siteOptions(engine, { gnupgHome, keys: [key] }));
      expect(await textOf(site, KEYS)).toContain('BEGIN PGP PUBLIC KEY BLOCK');
      expect(await textOf(site, '/repo/9/x86_64.repo')).toContain('repo_gpgcheck=1');
      await eventually(async () => {
        const xml = await textOf(site, '/repo/9/x86_64/repodata/repomd.xml');
        expect(await judge.findKey(xml, await textOf(site, SIGNATURE))).toBe(key);
      });
    }
    const keyring = await stat(join(site.stateDir, 'keyrings/metadata/1/keys.kbx'));
    const verified = await runRpmyard('verify', '-c', site.service.configPath);
    // The command leaves the keyring of the running service alone.
    expect((await stat(join(site.stateDir, 'keyrings/metadata/1/keys.kbx'))).ctimeMs).toBe(keyring.ctimeMs);
    expect(verified).toMatchObject({ exitCode: 0, stdout: expect.not.stringContaining('note') });

    await site.service.stop();
    await site.restart(siteOptions(engine));
    await eventually(async () => expect(await statusOf(site, SIGNATURE)).toBe(404));
    expect(await statusOf(site, KEYS)).toBe(404);
    const newest = new URL((await textOf(site, '/repo/9/x86_64/mirrorlist')).split('\n')[0] ?? '').pathname;
    expect(await statusOf(site, `${newest}repodata/repomd.xml`)).toBe(200);
    expect(await statusOf(site, `${newest}repodata/repomd.xml.asc`)).toBe(404);
  });
});

test('keys are there, and the first index of a repository is signed, before a package is in it', async () => {
  await using home = await createGpgKeys();
  const key = await home.makeKey('signer');
  await using site = await startSite({
    front: 'none',
    config: {
      signing: { keys: [key], gnupg_home: home.path },
      index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 },
    },
  });
  expect(await statusOf(site, KEYS)).toBe(200);
  expect((await putPackage(site.baseUrl, craftRpm({ name: 'alpha' }))).status).toBe(201);
  const judge = createTestSigner(home.path, [key]);
  const xml = await textOf(site, '/repo/9/x86_64/repodata/repomd.xml');
  expect(await judge.findKey(xml, await textOf(site, SIGNATURE))).toBe(key);
});

test('a key that cannot sign stops no upload, is said at the start and by /readyz, and heals without a restart', async () => {
  await using home = await createGpgKeys();
  const key = await home.makeKey('signer');
  await using empty = await createTempDir();
  await using site = await startSite({
    front: 'none',
    config: { signing: { keys: [key], gnupg_home: empty.path } },
  });
  try {
    await site.service.whenLogged(({ level, code }) => level === 40 && code === 'SIGNING_FAILED');
    expect(JSON.parse(await textOf(site, '/readyz'))).toMatchObject({
      status: 'degraded',
      faults: [{ code: 'SIGNING_FAILED' }],
    });
    const bytes = craftRpm({ name: 'alpha' });
    const refused = await putPackage(site.baseUrl, bytes, 'wait=50');
    expect(refused).toMatchObject({ status: 503 });
    expect(refused.json()).toMatchObject({ code: 'SIGNING_FAILED' });
    expect(JSON.parse(await textOf(site, '/readyz'))).toMatchObject({
      status: 'degraded',
      faults: [{ repository: REPOSITORY, code: 'SIGNING_FAILED' }],
    });
    expect(await readdir(join(site.storageDir, REPOSITORY, 'Packages'))).toHaveLength(1);

    const secret = await home.gpg(['--armor', '--passphrase', '', '--export-secret-keys', key]);
    await execa('gpg', ['--homedir', empty.path, '--batch', '--import'], { input: secret });
    expect((await putPackage(site.baseUrl, bytes, 'wait=50')).status).toBe(200);
    expect(await readFile(join(site.storageDir, REPOSITORY, 'repodata/repomd.xml.asc'), 'utf8')).toContain(
      'SIGNATURE',
    );
    expect(JSON.parse(await textOf(site, '/readyz'))).toMatchObject({ status: 'ready' });
  } finally {
    await stopAgent(empty.path);
  }
});
