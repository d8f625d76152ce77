import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseRpm } from '../../src/rpm/rpm-parser/parse-rpm.ts';
import { commit, stage } from '../support/batch-client.ts';
import { buildRpm } from '../support/build-rpm.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { createGpgKeys, type GpgKeys } from '../support/gpg-keys.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { dnfInstall, type DnfHost } from '../support/run-dnf.ts';
import { openSocket, putHeader } from '../support/raw-socket.ts';
import { type Front, type Site, startSite } from '../support/run-site.ts';
import { shareSite } from '../support/share-site.ts';
import { runZypper, zypperRefresh } from '../support/run-zypper.ts';
import { createRpmJudge, type RpmVerdict } from '../support/rpmkeys.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';
import { craftSignedRpm, signedBy } from '../support/sign-rpm.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { storedIn } from '../support/stored-in.ts';

const INSTALLED_FILE = '/etc/installed';

let dir: TempDir;
let keys: GpgKeys;
let ours: string;
let rotated: string;
let stranger: string;
let keyFile: string;
let judge: (path: string) => Promise<RpmVerdict>;

beforeAll(async () => {
  dir = await createTempDir();
  keys = await createGpgKeys();
  ours = await keys.makeKey('Ours <ours@example.com>', { algorithm: 'rsa2048' });
  rotated = await keys.makeKey('Next <next@example.com>', { algorithm: 'rsa2048' });
  stranger = await keys.makeKey('Stranger <stranger@example.com>', { algorithm: 'rsa2048' });
  keyFile = await keys.exportKey(ours);
  judge = await createRpmJudge(join(dir.path, 'rpmdb'), [keyFile]);
});

afterAll(async () => {
  await keys[Symbol.asyncDispose]();
  await dir.remove();
});

interface Signing {
  readonly front?: Front;
  readonly keys?: readonly string[];
  readonly passphraseFile?: string;
}

const signing = (options: Signing = {}) => ({
  front: options.front ?? ('none' as const),
  config: {
    ...((options.front ?? 'none') === 'none' && { server: { upload_header: '' } }),
    signing: {
      keys: options.keys ?? [ours],
      gnupg_home: keys.path,
      sign_packages: true,
      ...(options.passphraseFile !== undefined && { passphrase_file: options.passphraseFile }),
    },
  },
});

const contentOf = (bytes: Buffer): Buffer => bytes.subarray(parseRpm(bytes, bytes.length).headerRange.start);

/** Where a package of this name lies, with the version and release that crafted ones have. */
const storedPath = (site: Site, name = 'example', basearch = 'x86_64', arch = basearch): string =>
  join(site.storageDir, '9', basearch, 'Packages', `${name}-1.0-1.el9.${arch}.rpm`);

async function expectNothingLeft(site: Site): Promise<void> {
  await eventually(async () => expect(await site.leftovers()).toEqual([]));
}

async function expectNothingStored(
  site: Site,
  before: readonly string[] = ['RPM-GPG-KEY-rpmyard'],
): Promise<void> {
  await expectNothingLeft(site);
  expect(await storedIn(site.storageDir)).toEqual(before);
}

interface Answer {
  readonly outcome: string;
  readonly sha256: string;
  readonly receivedSha256?: string;
  readonly [field: string]: unknown;
}

async function upload(site: Site, bytes: Buffer, query = ''): Promise<{ status: number; body: Answer }> {
  const answer = await putPackage(site.baseUrl, bytes, query);
  const body: Answer = JSON.parse(answer.text);
  return { status: answer.status, body };
}

describe('a service that signs packages', () => {
  const shared = shareSite(() => startSite(signing()));

  test.each<Front>(['nginx', 'none'])(
    'stores and publishes what was sent with its own signature in front (front: %s)',
    async (front) => {
      await using site = await startSite(signing({ front }));
      const sent = craftRpm({ payload: Buffer.alloc(300_000, 'payload') });
      const { status, body } = await upload(site, sent, 'wait=50');
      expect(status).toBe(201);
      expect(body).toMatchObject({
        receivedSha256: sha256Of(sent),
        places: [
          {
            signature: { state: 'good', fingerprint: ours, received: { state: 'unsigned' } },
            state: 'published',
          },
        ],
      });
      const stored = await readFile(storedPath(site));
      expect(sha256Of(stored)).toBe(body.sha256);
      expect(body.sha256).not.toBe(sha256Of(sent));
      expect(contentOf(stored).equals(contentOf(sent))).toBe(true);
      expect(await judge(storedPath(site))).toMatchObject({ state: 'good' });
      expect((await stat(storedPath(site))).mode & 0o777).toBe(0o644);
      const index = await readIndex(readerOverHttp(site.baseUrl, '9/x86_64'));
      expect([...index.packages.values()]).toEqual([body.sha256]);
      await expectNothingLeft(site);
    },
  );

  test('knows the package by either digest, and answers a retry of the sent bytes with 200', async () => {
    const site = shared();
    const sent = craftRpm({ name: 'known' });
    const { body } = await upload(site, sent);
    const before = await stat(storedPath(site, 'known'));
    expect(await upload(site, sent)).toMatchObject({
      status: 200,
      body: { outcome: 'unchanged', sha256: body.sha256, receivedSha256: sha256Of(sent) },
    });
    for (const digest of [sha256Of(sent), body.sha256]) {
      const known = await sendRequest(site.baseUrl, { path: `/api/v1/uploads/${digest}` });
      expect(known.json()).toMatchObject({ sha256: body.sha256, receivedSha256: sha256Of(sent) });
    }
    // The stored bytes may be sent back as well.
    expect(await upload(site, await readFile(storedPath(site, 'known')))).toMatchObject({ status: 200 });
    expect((await stat(storedPath(site, 'known'))).mtimeMs).toBe(before.mtimeMs);
  });

  test('mends its own copy when it was damaged and the package is sent again', async () => {
    const site = shared();
    const sent = craftRpm({ name: 'mended' });
    const { body } = await upload(site, sent, 'wait=50');
    const damaged = await readFile(storedPath(site, 'mended'));
    await rm(storedPath(site, 'mended'));
    await writeFile(storedPath(site, 'mended'), damaged.subarray(0, -4));
    expect(await upload(site, craftRpm({ name: 'mended', summary: 'another' }))).toMatchObject({
      status: 409,
      body: { code: 'PACKAGE_CONFLICT', acknowledgedSha256: sha256Of(sent) },
    });
    const mended = await upload(site, sent, 'wait=50');
    expect(mended).toMatchObject({ status: 201, body: { receivedSha256: sha256Of(sent) } });
    expect(sha256Of(await readFile(storedPath(site, 'mended')))).toBe(mended.body.sha256);
    expect(contentOf(await readFile(storedPath(site, 'mended')))).toEqual(contentOf(sent));
    expect(body.receivedSha256).toBe(sha256Of(sent));
    await expectNothingLeft(site);
  });

  test('answers a retry with 200 from what is on disk when its records are lost', async () => {
    await using site = await startSite(signing());
    const sent = craftRpm();
    const { body } = await upload(site, sent);
    await site.service.kill();
    for (const name of await readdir(site.stateDir)) {
      if (name.startsWith('records')) await rm(join(site.stateDir, name));
    }
    await mkdir(join(site.incomingDir, 'killed.signing'));
    await writeFile(join(site.incomingDir, 'killed.signing', 'package.rpm'), sent);
    await site.restart();
    expect(await readdir(site.incomingDir)).toEqual([]);
    expect(await upload(site, sent)).toMatchObject({ status: 200, body: { sha256: body.sha256 } });
    const known = await sendRequest(site.baseUrl, { path: `/api/v1/uploads/${sha256Of(sent)}` });
    expect(known.json()).toMatchObject({ sha256: body.sha256 });
  });

  test('gives all repositories of a noarch package the same file, also in a retry after a crash between two links', async () => {
    const site = shared();
    const sent = craftRpm({ name: 'everywhere', arch: 'noarch' });
    const { body } = await upload(site, sent);
    const [first, second] = ['x86_64', 'aarch64'].map((basearch) =>
      storedPath(site, 'everywhere', basearch, 'noarch'),
    );
    if (first === undefined || second === undefined) throw new Error('no paths');
    expect((await stat(first)).ino).toBe((await stat(second)).ino);
    await rm(first);
    expect(await upload(site, sent)).toMatchObject({ status: 201, body: { sha256: body.sha256 } });
    expect((await stat(first)).ino).toBe((await stat(second)).ino);
  });

  test('refuses another package of the same name with the digests that clients know', async () => {
    const site = shared();
    const sent = craftRpm({ name: 'refused', payload: Buffer.from('first') });
    const other = craftRpm({ name: 'refused', payload: Buffer.from('other') });
    const { body } = await upload(site, sent);
    expect(await upload(site, other)).toMatchObject({
      status: 409,
      body: {
        code: 'PACKAGE_CONFLICT',
        storedSha256: body.sha256,
        storedReceivedSha256: sha256Of(sent),
        sentSha256: sha256Of(other),
      },
    });
    await expectNothingLeft(site);
  });

  test('replaces the signature of another key, and says what it was', async () => {
    const site = shared();
    const sent = await craftSignedRpm({ name: 'replaced' }, { dsa: signedBy(keys, stranger) });
    expect((await upload(site, sent)).body).toMatchObject({
      places: [{ signature: { state: 'good', fingerprint: ours, received: { state: 'unchecked' } } }],
    });
    const { report } = await judge(storedPath(site, 'replaced'));
    expect(report.match(/Signature/g)).toHaveLength(1);
    expect(report).toContain('OK');
  });

  test('stores a package as it was sent when one of its own keys has signed it', async () => {
    await using site = await startSite(signing({ keys: [rotated, ours] }));
    const sent = await craftSignedRpm({}, { rsa: signedBy(keys, ours) });
    const { status, body } = await upload(site, sent);
    expect(status).toBe(201);
    expect(body.sha256).toBe(sha256Of(sent));
    expect(body.receivedSha256).toBeUndefined();
    expect(body).toMatchObject({ places: [{ signature: { state: 'good', fingerprint: ours } }] });
  });

  test('keeps what it knows of a package when another repository gets it too', async () => {
    const inOne = { layout: { noarch: ['x86_64'] } };
    const { front, config } = signing();
    await using site = await startSite({ front, config: { ...config, ...inOne } });
    const sent = craftRpm({ name: 'spread', arch: 'noarch' });
    const { body } = await upload(site, sent, 'wait=50');
    await site.service.stop();
    await site.restart({ config: { ...config, layout: { noarch: ['x86_64', 'aarch64'] } } });
    const stored = await readFile(storedPath(site, 'spread', 'x86_64', 'noarch'));
    expect(await upload(site, stored, 'wait=50')).toMatchObject({
      status: 201,
      body: { sha256: body.sha256 },
    });
    const known = await sendRequest(site.baseUrl, {
      path: `/api/v1/uploads/${sha256Of(sent)}`,
      headers: { accept: 'application/json' },
    });
    expect(known.json()).toMatchObject({ sha256: body.sha256, receivedSha256: sha256Of(sent) });
  });

  test('signs with a weak key that was configured, says so in log and answers, and signs nothing twice', async () => {
    const weak = await keys.makeKey('Weak <weak@example.com>', { algorithm: 'rsa1024' });
    await using site = await startSite(signing({ keys: [weak] }));
    expect(site.service.log).toContainEqual(
      expect.objectContaining({ level: 40, fingerprint: weak, weakness: 'key RSA 1024' }),
    );
    const sent = craftRpm();
    const { status, body } = await upload(site, sent, 'wait=50');
    expect(status).toBe(201);
    const signature = { state: 'weak', fingerprint: weak, weakness: { key: 'RSA 1024' } };
    expect(body).toMatchObject({ places: [{ signature, state: 'published' }] });
    expect(await upload(site, sent)).toMatchObject({ status: 200, body: { sha256: body.sha256 } });
    expect(await upload(site, await readFile(storedPath(site)))).toMatchObject({ status: 200 });
    const byItself = await craftSignedRpm({ name: 'signed-before' }, { rsa: signedBy(keys, weak) });
    const before = await upload(site, byItself);
    expect(before).toMatchObject({ status: 201, body: { sha256: sha256Of(byItself) } });
  });

  test('signs anew what its own key signed with SHA-1', async () => {
    const site = shared();
    const sent = await craftSignedRpm(
      { name: 'anew' },
      { rsa: signedBy(keys, ours, '--digest-algo', 'SHA1') },
    );
    const { status, body } = await upload(site, sent);
    expect(status).toBe(201);
    expect(body).toMatchObject({
      receivedSha256: sha256Of(sent),
      places: [{ signature: { state: 'good', fingerprint: ours } }],
    });
    expect((await judge(storedPath(site, 'anew'))).report).toContain('RSA/SHA256');
    expect(site.service.log.filter(({ level }) => level >= 40)).not.toContainEqual(
      expect.objectContaining({ weakness: expect.anything() }),
    );
  });

  test('puts what was stored unsigned before into no other repository', async () => {
    const config = { server: { upload_header: '' }, layout: { noarch: ['aarch64'] } };
    await using site = await startSite({ front: 'none', config });
    const sent = craftRpm({ name: 'early', arch: 'noarch' });
    expect(await upload(site, sent)).toMatchObject({ status: 201 });
    await site.service.stop();
    await site.restart(signing());
    const { status, body } = await upload(site, sent);
    expect({ status, code: body['code'] }).toEqual({ status: 409, code: 'PACKAGE_CONFLICT' });
    expect(existsSync(storedPath(site, 'early', 'x86_64', 'noarch'))).toBe(false);
    await expectNothingLeft(site);
  });

  test('holds the digests that a client sends against the bytes that it sent', async () => {
    const site = shared();
    const sent = craftRpm({ name: 'held' });
    const digest = createHash('sha256').update(sent).digest('base64');
    const right = await putPackage(site.baseUrl, sent, '', { 'content-digest': `sha-256=:${digest}:` });
    expect(right.status).toBe(201);
  });

  test('refuses a package of format 3, which rpmsign cannot sign', async () => {
    const site = shared();
    const before = await storedIn(site.storageDir);
    expect(await upload(site, craftRpm({ name: 'third', hasRegion: false }))).toMatchObject({
      status: 422,
      body: { code: 'PACKAGE_NOT_SIGNABLE' },
    });
    await expectNothingStored(site, before);
  });

  test('signs many packages that come at once', async () => {
    const site = shared();
    const packages = Array.from({ length: 12 }, (_, number) => craftRpm({ name: `many${number}` }));
    const answers = await Promise.all(packages.map((bytes) => upload(site, bytes)));
    expect(answers.map(({ status }) => status)).toEqual(packages.map(() => 201));
    for (const number of packages.keys()) {
      expect(await judge(storedPath(site, `many${number}`))).toMatchObject({
        state: 'good',
      });
    }
    await expectNothingLeft(site);
  });

  test('is trusted by hosts with gpgcheck=1: dnf and zypper install what was signed here, and refuse a changed package, an unsigned one and a rotated key', async () => {
    const site = shared();
    const file = await buildRpm({ name: 'installed', files: { [INSTALLED_FILE]: 'data' } }, site.workDir);
    expect(await upload(site, await readFile(file), 'wait=50')).toMatchObject({ status: 201 });
    const repositoryUrl = `${site.baseUrl}/repo/9/x86_64/`;
    const dnfHost = (name: string, key: string): DnfHost => ({
      root: join(site.workDir, name),
      repositoryUrl,
      options: ['--setopt=t.gpgcheck=1', `--setopt=t.gpgkey=file://${key}`],
    });
    expect(await dnfInstall(dnfHost('dnf', keyFile), 'installed')).toMatchObject({ exitCode: 0 });
    await expect(readFile(join(site.workDir, 'dnf', INSTALLED_FILE), 'utf8')).resolves.toBe('data');
    const otherKey = await keys.exportKey(rotated);
    expect((await dnfInstall(dnfHost('dnf-rotated', otherKey), 'installed')).exitCode).not.toBe(0);

    const zypper = async (name: string, key: string, ...options: readonly string[]) => {
      const host = { root: join(site.workDir, name), repositoryUrl };
      await mkdir(host.root, { recursive: true });
      const repoFile = join(site.workDir, `${name}.repo`);
      const lines = [
        '[t]',
        'name=t',
        `baseurl=${repositoryUrl}`,
        'enabled=1',
        'repo_gpgcheck=0',
        'gpgcheck=1',
      ];
      await writeFile(repoFile, [...lines, `gpgkey=file://${key}`, ''].join('\n'));
      await runZypper(host, ['addrepo', repoFile]);
      await zypperRefresh(host);
      return runZypper(host, [...options, '--no-refresh', 'install', 'installed']);
    };
    const installed = await zypper('zypper', keyFile, '--gpg-auto-import-keys');
    expect(installed.exitCode, `${installed.stdout} ${installed.stderr}`).toBe(0);
    await expect(readFile(join(site.workDir, 'zypper', INSTALLED_FILE), 'utf8')).resolves.toBe('data');
    // Not with --gpg-auto-import-keys: that trusts the key beside the metadata too.
    expect((await zypper('zypper-rotated', otherKey)).exitCode).not.toBe(0);

    // By hand, past every check of the service: the package as it was before it was signed, and one that was changed.
    const stored = join(site.storageDir, '9/x86_64/Packages/installed-1.0-1.el9.noarch.rpm');
    const signed = await readFile(stored);
    const changed = Buffer.from(signed);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    for (const [name, bytes] of [
      ['unsigned', await readFile(file)],
      ['changed', changed],
    ] as const) {
      const replacement = join(site.workDir, name);
      await writeFile(replacement, bytes);
      await rm(stored);
      await link(replacement, stored);
      await sendRequest(site.baseUrl, {
        method: 'POST',
        path: '/api/v1/repositories/9/x86_64/reindex?wait=50&full=1',
      });
      const result = await dnfInstall(dnfHost(`dnf-${name}`, keyFile), 'installed');
      expect(result.exitCode, `${name} ${result.stderr}`).not.toBe(0);
    }
  });

  test('signs a batch at its commit: hosts get signed packages, and its members are known as they were sent', async () => {
    const site = shared();
    const bytes = craftRpm({ name: 'of-a-batch', release: '1.el9', arch: 'x86_64' });
    expect((await stage(site.baseUrl, 'b', bytes)).json()).toMatchObject({ sha256: sha256Of(bytes) });
    const committed = await commit(site.baseUrl, 'b', 'wait=50');
    expect(committed.json()).toMatchObject({
      packages: [
        { outcome: 'created', receivedSha256: sha256Of(bytes), places: [{ signature: { state: 'good' } }] },
      ],
    });
    expect(await judge(storedPath(site, 'of-a-batch'))).toMatchObject({ state: 'good' });
    expect((await stage(site.baseUrl, 'b', bytes)).json()).toMatchObject({ outcome: 'unchanged' });
    // The same package in another batch, and sent by itself, is what is stored.
    await stage(site.baseUrl, 'c', bytes);
    expect((await commit(site.baseUrl, 'c')).json()).toMatchObject({ packages: [{ outcome: 'unchanged' }] });
    expect((await putPackage(site.baseUrl, bytes)).status).toBe(200);
    await expectNothingLeft(site);
  });
});

describe('a service that signs packages, where signatures of others are required', () => {
  const shared = shareSite(async () => {
    const { front, config } = signing();
    const key_files = [await keys.exportKey(stranger)];
    const keyrings = [{ repositories: ['9/*'], key_files, require: 'signed' }];
    return startSite({ front, config: { ...config, package_signatures: { keyrings } } });
  });

  test('takes back what it signed itself', async () => {
    const site = shared();
    const unsigned = await upload(site, craftRpm({ name: 'required' }));
    expect(unsigned).toMatchObject({ status: 422, body: { code: 'PACKAGE_UNSIGNED' } });
    const sent = await craftSignedRpm({ name: 'required' }, { rsa: signedBy(keys, stranger) });
    expect(await upload(site, sent)).toMatchObject({ status: 201 });
    const stored = await readFile(storedPath(site, 'required'));
    expect(await upload(site, stored)).toMatchObject({ status: 200, body: { outcome: 'unchanged' } });
  });

  test('vouches for no other signer: what it signed for another repository is not signed by those whom this one trusts', async () => {
    const site = shared();
    expect(await upload(site, craftRpm({ name: 'detour' }), 'releasever=8')).toMatchObject({ status: 201 });
    const stored = await readFile(join(site.storageDir, '8/x86_64/Packages/detour-1.0-1.el9.x86_64.rpm'));
    expect(await upload(site, stored, 'releasever=9')).toMatchObject({
      status: 403,
      body: { code: 'SIGNING_KEY_UNKNOWN' },
    });
  });
});

describe('an rpmsign that ends well but signed badly', () => {
  const notSigned = { status: 503, body: { code: 'PACKAGE_SIGNING_FAILED' } };

  const scriptPath = (): string => join(dir.path, 'rpmsign-script');

  /** What rpmsign does from now on, when it is not asked for its version. */
  const letRpmsign = (script: string): Promise<void> => writeFile(scriptPath(), script);

  /** A service that finds in the place of rpmsign what runs the script. */
  async function siteWithRpmsign(keyrings: readonly object[] = []): Promise<Site> {
    const bin = await mkdtemp(join(dir.path, 'bin-'));
    const program = `#!/bin/sh\ntest "$1" = --version || . ${scriptPath()}\n`;
    await writeFile(join(bin, 'rpmsign'), program, { mode: 0o755 });
    const { front, config } = signing();
    return startSite({
      front,
      config: { ...config, package_signatures: { keyrings } },
      env: { PATH: `${bin}:${process.env['PATH']}` },
    });
  }

  const shared = shareSite(() => siteWithRpmsign());

  test.each<[string, string]>([
    ['left its copy as it was', 'exit 0'],
    [
      'changed the payload',
      'printf x | dd of=package.rpm bs=1 conv=notrunc seek=$(($(stat -c %s package.rpm) - 1))',
    ],
    ['left half a package', 'truncate -s 300 package.rpm'],
  ])('and %s has stored nothing and left nothing', async (_, script) => {
    const site = shared();
    await letRpmsign(script);
    expect(await upload(site, craftRpm())).toMatchObject(notSigned);
    await expectNothingStored(site);
  });

  test.each([
    ['another package with a good signature of ours', Buffer.from('other'), () => ours],
    ['the package with a good signature of another key', undefined, () => stranger],
  ])('and put %s in its place has stored nothing', async (_, payload, key) => {
    const other = join(dir.path, `${key()}.rpm`);
    const bytes = await craftSignedRpm(payload === undefined ? {} : { payload }, {
      rsa: signedBy(keys, key()),
    });
    await writeFile(other, bytes);
    const site = shared();
    await letRpmsign(`cat '${other}' > package.rpm`);
    expect(await upload(site, craftRpm())).toMatchObject(notSigned);
    await expectNothingStored(site);
  });

  test('or that never ends: a stop of the service ends it, and nothing is left after the next start', async () => {
    const running = join(dir.path, 'rpmsign-runs');
    await letRpmsign(`touch ${running}; exec sleep 600`);
    await using site = await siteWithRpmsign();
    const socket = await openSocket(site.baseUrl);
    const bytes = craftRpm();
    socket.write(Buffer.concat([putHeader(bytes.length), bytes]));
    await eventually(async () => expect(existsSync(running)).toBe(true));
    site.service.terminate();
    await site.service.whenLogged(({ msg }) => msg === 'stopping');
    // A signing without a client need not be waited for.
    socket.destroy();
    expect(await site.service.whenExited).toEqual({ code: 0, signal: null });
    await site.restart(signing());
    await expectNothingStored(site);
  });

  test('and left a good signature of a key whose packages are taken has stored nothing', async () => {
    const keyrings = [{ repositories: ['*'], key_files: [await keys.exportKey(stranger)] }];
    await letRpmsign('exit 0');
    await using site = await siteWithRpmsign(keyrings);
    const sent = await craftSignedRpm({}, { rsa: signedBy(keys, stranger) });
    expect(await upload(site, sent)).toMatchObject(notSigned);
    await expectNothingStored(site);
  });
});

describe('a key with a passphrase', () => {
  test('signs with the passphrase of the file; with a wrong one the upload fails as a fault of ours', async () => {
    const secret = 'a secret phrase';
    const locked = await keys.makeKey('Locked <locked@example.com>', {
      algorithm: 'rsa2048',
      passphrase: secret,
    });
    // The agent would remember it.
    const forget = () => execa('gpgconf', ['--homedir', keys.path, '--kill', 'gpg-agent']);
    const passphraseFile = join(dir.path, 'pass phrase %n');
    await writeFile(passphraseFile, 'wrong');
    await chmod(passphraseFile, 0o600);
    await forget();
    await using site = await startSite(signing({ keys: [locked], passphraseFile }));
    const sent = craftRpm();
    expect(await upload(site, sent)).toMatchObject({ status: 503, body: { code: 'PACKAGE_SIGNING_FAILED' } });
    await expectNothingStored(site);
    await writeFile(passphraseFile, secret);
    expect(await upload(site, sent)).toMatchObject({ status: 201 });
    expect(JSON.stringify(site.service.log)).not.toContain(secret);
    await expectNothingLeft(site);
  });
});
