import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildRpm } from '../support/build-rpm.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { createGpgKeys, type GpgKeys } from '../support/gpg-keys.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { ServiceDidNotStart } from '../support/run-service.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { shareSite } from '../support/share-site.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';
import { craftSignedRpm, signedBy } from '../support/sign-rpm.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { storedIn } from '../support/stored-in.ts';

let dir: TempDir;
let keys: GpgKeys;
let trusted: string;
let stranger: string;
let keyFile: string;
let old: string;
let oldKeyFile: string;

beforeAll(async () => {
  dir = await createTempDir();
  keys = await createGpgKeys();
  trusted = await keys.makeKey('Build <build@example.com>');
  stranger = await keys.makeKey('Stranger <stranger@example.com>');
  keyFile = await keys.exportKey(trusted);
  old = await keys.makeKey('Old <old@example.com>', { algorithm: 'dsa1024' });
  oldKeyFile = await keys.exportKey(old);
});

afterAll(async () => {
  await keys[Symbol.asyncDispose]();
  await dir.remove();
});

interface Rule {
  readonly repositories: readonly string[];
  readonly require?: 'none' | 'signed';
  readonly weak?: 'refuse' | 'accept';
}

const withRules = (...rules: readonly Rule[]) => ({
  front: 'none' as const,
  config: {
    server: { upload_header: '' },
    package_signatures: { keyrings: rules.map((rule) => ({ ...rule, key_files: [keyFile, oldKeyFile] })) },
  },
});

const EVERYWHERE = { repositories: ['*'], require: 'signed' } as const;

async function expectNothingStored(site: Site, before: readonly string[]): Promise<void> {
  await eventually(async () => expect(await site.leftovers()).toEqual([]));
  expect(await storedIn(site.storageDir)).toEqual(before);
}

const goodSignature = () => ({
  state: 'good',
  keyId: trusted.slice(-16),
  fingerprint: trusted,
  userId: 'Build <build@example.com>',
});

describe('with rules of each kind', () => {
  // Where a package goes decides which rule it meets.
  const shared = shareSite(() =>
    startSite(
      withRules(
        { repositories: ['9/*'], require: 'signed' },
        { repositories: ['8/*'] },
        { repositories: ['7/x86_64'] },
        { repositories: ['7/aarch64'], require: 'signed' },
        { repositories: ['10/*'], require: 'signed', weak: 'accept' },
      ),
    ),
  );

  describe('a repository that takes signed packages only', () => {
    test('takes one by a trusted key and says whose it is: in the answer, by digest, and in its list', async () => {
      const site = shared();
      const bytes = await craftSignedRpm({ name: 'trusted' }, { dsa: signedBy(keys, trusted) });
      const answer = await putPackage(site.baseUrl, bytes);
      expect(answer.status).toBe(201);
      expect(answer.json()).toMatchObject({ places: [{ signature: goodSignature() }] });
      const known = await sendRequest(site.baseUrl, { path: `/api/v1/uploads/${sha256Of(bytes)}` });
      expect(known.json()).toMatchObject({ places: [{ signature: goodSignature() }] });
      const list = await sendRequest(site.baseUrl, { path: '/api/v1/repositories/9/x86_64/packages' });
      expect(list.json()).toMatchObject({ packages: [{ signature: goodSignature() }] });
      expect(await putPackage(site.baseUrl, bytes)).toMatchObject({ status: 200 });
    });

    test.each<[string, number, string, () => Promise<Buffer>]>([
      ['unsigned', 422, 'PACKAGE_UNSIGNED', async () => craftRpm()],
      [
        'by another key',
        403,
        'SIGNING_KEY_UNKNOWN',
        () => craftSignedRpm({}, { dsa: signedBy(keys, stranger) }),
      ],
      [
        'with the signature of another package',
        422,
        'PACKAGE_SIGNATURE_BAD',
        () => craftSignedRpm({}, { dsa: () => signedBy(keys, trusted)(Buffer.from('another')) }),
      ],
    ])('refuses a package that is %s, and stores nothing of it', async (_, status, code, make) => {
      const site = shared();
      const before = await storedIn(site.storageDir);
      const answer = await putPackage(site.baseUrl, await make());
      expect(answer.status).toBe(status);
      expect(answer.json()).toMatchObject({ code, repositories: ['9/x86_64'] });
      await expectNothingStored(site, before);
    });

    test('names the key that it does not know', async () => {
      const site = shared();
      const answer = await putPackage(
        site.baseUrl,
        await craftSignedRpm({}, { dsa: signedBy(keys, stranger) }),
      );
      expect(answer.json()).toMatchObject({
        detail: expect.stringContaining(stranger.slice(-16)),
        signature: { state: 'unknown-key', keyId: stranger.slice(-16) },
      });
    });

    test('refuses a noarch package for all repositories when one of them does', async () => {
      const site = shared();
      const before = await storedIn(site.storageDir);
      const answer = await putPackage(site.baseUrl, craftRpm({ arch: 'noarch' }), 'releasever=7');
      expect(answer.json()).toMatchObject({ code: 'PACKAGE_UNSIGNED', repositories: ['7/aarch64'] });
      await expectNothingStored(site, before);
    });
  });

  describe('a repository with a keyring that requires nothing', () => {
    test('takes packages of any key or none and shows what they are, but never one with a bad signature', async () => {
      const site = shared();
      const states = async (bytes: Buffer) => (await putPackage(site.baseUrl, bytes, 'releasever=8')).json();
      expect(await states(craftRpm({ name: 'a' }))).toMatchObject({
        outcome: 'created',
        places: [{ signature: { state: 'unsigned' } }],
      });
      const strange = await craftSignedRpm({ name: 'b' }, { dsa: signedBy(keys, stranger) });
      expect(await states(strange)).toMatchObject({
        places: [{ signature: { state: 'unknown-key', keyId: stranger.slice(-16) } }],
      });
      const bad = await craftSignedRpm(
        { name: 'c' },
        { dsa: () => signedBy(keys, trusted)(Buffer.from('x')) },
      );
      expect(await states(bad)).toMatchObject({ code: 'PACKAGE_SIGNATURE_BAD' });
    });
  });

  describe('a package with a weak signature', () => {
    const byOldKey = (name: string) => craftSignedRpm({ name }, { dsa: signedBy(keys, old) });
    const withSha1 = (name: string) =>
      craftSignedRpm({ name }, { dsa: signedBy(keys, trusted, '--digest-algo', 'SHA1') });
    const weakSignature = () => ({
      state: 'weak',
      keyId: old.slice(-16),
      fingerprint: old,
      userId: 'Old <old@example.com>',
      weakness: { digest: 'SHA-1', key: 'DSA 1024' },
    });

    test('is refused where a signature is required, with the reason and the remedy', async () => {
      const site = shared();
      const before = await storedIn(site.storageDir);
      const answer = await putPackage(site.baseUrl, await byOldKey('a'));
      expect(answer.status).toBe(422);
      expect(answer.json()).toMatchObject({
        code: 'PACKAGE_SIGNATURE_WEAK',
        detail: expect.stringMatching(/digest SHA-1, key DSA 1024/),
        hint: expect.stringContaining('weak: accept'),
        repositories: ['9/x86_64'],
        signature: weakSignature(),
      });
      expect((await putPackage(site.baseUrl, await withSha1('b'))).json()).toMatchObject({
        code: 'PACKAGE_SIGNATURE_WEAK',
        signature: { state: 'weak', weakness: { digest: 'SHA-1' } },
      });
      await expectNothingStored(site, before);
    });

    test('is taken where the administrator says so, and shown as weak in answer, by digest and in the list', async () => {
      const site = shared();
      const put = (bytes: Buffer) => putPackage(site.baseUrl, bytes, 'releasever=10');
      const bytes = await byOldKey('a');
      const answer = await put(bytes);
      expect(answer.status).toBe(201);
      expect(answer.json()).toMatchObject({ places: [{ signature: weakSignature() }] });
      const known = await sendRequest(site.baseUrl, { path: `/api/v1/uploads/${sha256Of(bytes)}` });
      expect(known.json()).toMatchObject({ places: [{ signature: weakSignature() }] });
      const list = await sendRequest(site.baseUrl, { path: '/api/v1/repositories/10/x86_64/packages' });
      expect(list.json()).toMatchObject({ packages: [{ signature: weakSignature() }] });
      // The option is about strength alone.
      const unsigned = await put(craftRpm({ name: 'b' }));
      expect(unsigned.json()).toMatchObject({ code: 'PACKAGE_UNSIGNED' });
      const md5 = signedBy(keys, trusted, '--digest-algo', 'MD5');
      const withMd5 = await put(await craftSignedRpm({ name: 'c' }, { dsa: md5 }));
      expect(withMd5.json()).toMatchObject({ code: 'PACKAGE_SIGNATURE_UNVERIFIABLE' });
    });

    test('is shown as weak where nothing is required', async () => {
      const site = shared();
      const answer = await putPackage(site.baseUrl, await byOldKey('d'), 'releasever=8');
      expect(answer.status).toBe(201);
      expect(answer.json()).toMatchObject({ places: [{ signature: weakSignature() }] });
    });
  });

  describe('a repository without a keyring', () => {
    test('takes signed packages unchecked, even with a bad signature', async () => {
      const site = shared();
      const bad = await craftSignedRpm({}, { dsa: () => signedBy(keys, trusted)(Buffer.from('x')) });
      expect((await putPackage(site.baseUrl, bad, 'releasever=amzn2023')).json()).toMatchObject({
        outcome: 'created',
        places: [{ signature: { state: 'unchecked' } }],
      });
    });
  });
});

describe('a start', () => {
  test('fails when a key file is missing, and names it', async () => {
    const missing = join(dir.path, 'missing.asc');
    const config = { package_signatures: { keyrings: [{ repositories: ['*'], key_files: [missing] }] } };
    const error = await startSite({ front: 'none', config }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ServiceDidNotStart);
    expect(String(error)).toContain(`${missing}: cannot be read`);
  });

  test('fails when gpgv is not installed, and says how to install it', async () => {
    // A PATH with everything but GnuPG.
    const bin = join(dir.path, 'bin');
    await mkdir(bin);
    for (const name of ['env', 'sh', 'node', 'dirname', 'readlink', 'uname']) {
      const path = (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, name));
      const found = path.find((candidate) => existsSync(candidate));
      if (found !== undefined) await symlink(found, join(bin, name));
    }
    const error = await startSite({ ...withRules(EVERYWHERE), env: { PATH: bin } }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ServiceDidNotStart);
    expect(String(error)).toMatch(/SIGNING_TOOL_MISSING: gpgv[^]*apt-get install gpgv/);
  });
});

describe('rpmyard inspect', () => {
  test('shows the signature as each repository sees it, and what would be refused', async () => {
    const config = join(dir.path, 'inspect.yml');
    const keyrings = [{ repositories: ['*'], key_files: [keyFile], require: 'signed' }];
    await writeFile(config, JSON.stringify({ package_signatures: { keyrings } }));
    const good = join(dir.path, 'good.rpm');
    await writeFile(good, await craftSignedRpm({}, { dsa: signedBy(keys, trusted) }));
    const unsigned = await buildRpm({ name: 'plain' }, dir.path);
    const text = await runRpmyard('inspect', '-c', config, good, unsigned);
    expect(text.exitCode).toBe(1);
    expect(text.stdout).toContain(`signature good: key ${trusted.slice(-16)} (Build <build@example.com>)`);
    expect(text.stdout).toContain('would be refused: PACKAGE_UNSIGNED');
    const json = await runRpmyard('inspect', '--json', '-c', config, good);
    expect(JSON.parse(json.stdout)).toMatchObject({ targets: [{ signature: goodSignature() }] });
  });

  test('names what is weak, and refuses it as an upload would be', async () => {
    const weak = join(dir.path, 'weak.rpm');
    await writeFile(weak, await craftSignedRpm({}, { dsa: signedBy(keys, old) }));
    const inspect = async (rule: object) => {
      const config = join(dir.path, 'inspect-weak.yml');
      const keyrings = [{ repositories: ['*'], key_files: [oldKeyFile], ...rule }];
      await writeFile(config, JSON.stringify({ package_signatures: { keyrings } }));
      return runRpmyard('inspect', '-c', config, weak);
    };
    const refused = await inspect({ require: 'signed' });
    expect(refused.exitCode).toBe(1);
    expect(refused.stdout).toContain('would be refused: PACKAGE_SIGNATURE_WEAK');
    const shown = `signature weak (digest SHA-1, key DSA 1024): key ${old.slice(-16)} (Old <old@example.com>)`;
    for (const rule of [{ require: 'none' }, { require: 'signed', weak: 'accept' }]) {
      const taken = await inspect(rule);
      expect(taken.exitCode).toBe(0);
      expect(taken.stdout).toContain(shown);
    }
  });
});
