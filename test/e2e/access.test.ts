import { createHmac } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { BUILD_KEY, CI_TOKEN, READER_TOKEN, signedHeaders, startAccessSite } from '../support/access-site.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { runCurl } from '../support/run-curl.ts';
import { runDnf } from '../support/run-dnf.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { openSocket, readToEnd } from '../support/raw-socket.ts';
import type { Front, Site } from '../support/run-site.ts';
import { sha256Of } from '../support/send-request.ts';
import { shareSite } from '../support/share-site.ts';
import { storedIn } from '../support/stored-in.ts';
import { createTempDir } from '../support/temp-dir.ts';

const FRONTS: readonly Front[] = ['nginx', 'none'];
const HTTP_DOCS = new URL('../../docs/http.md', import.meta.url);

interface PackageFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** A package of a name that no other test of the site uses. */
async function packageOf(site: Site, name: string, release = '1.el9'): Promise<PackageFile> {
  const path = join(site.workDir, `${name}.rpm`);
  const bytes = craftRpm({ name, release, arch: 'x86_64' });
  await writeFile(path, bytes);
  return { path, bytes, sha256: sha256Of(bytes) };
}

const asJson = ['-H', 'Accept: application/json'];

async function auditOf(site: Site): Promise<readonly Record<string, unknown>[]> {
  const text = await readFile(join(site.stateDir, 'audit.log'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

describe.each(FRONTS)('behind %s, an upload', (front) => {
  const shared = shareSite(() => startAccessSite(front));

  it('is taken with a token as the password of curl, and as a bearer', async () => {
    const site = shared();
    const { path } = await packageOf(site, 'token');
    const url = `${site.baseUrl}/upload`;
    expect(await runCurl('-u', `ci:${CI_TOKEN}`, '-T', path, url)).toMatchObject({ status: 201 });
    const again = await runCurl('-H', `Authorization: Bearer ${CI_TOKEN}`, '-T', path, url);
    expect(again).toMatchObject({ status: 200 });
    expect(await runCurl('-u', `ci:${CI_TOKEN}`, '-F', `file=@${path}`, url)).toMatchObject({ status: 200 });
  });

  it.each([
    ['no credentials', [], 401, 'CREDENTIALS_MISSING'],
    ['a wrong token', ['-u', 'ci:wrong'], 401, 'CREDENTIALS_INVALID'],
    ['an unreadable header', ['-H', 'Authorization: x'], 401, 'CREDENTIALS_INVALID'],
    ['a token that only reads', ['-u', `reader:${READER_TOKEN}`], 403, 'RIGHT_MISSING'],
    ['a signature without a key', ['-H', `X-Signature: sha256=${'0'.repeat(64)}`], 401, 'SIGNATURE_INVALID'],
    ['an unreadable signature', ['-H', 'X-Signature: x'], 401, 'CREDENTIALS_INVALID'],
  ] as const)(
    'with %s is refused before its body, with code and hint',
    async (_what, credentials, status, code) => {
      const site = shared();
      const before = await storedIn(site.storageDir);
      const large = join(site.workDir, 'large.rpm');
      await writeFile(large, Buffer.alloc(4_000_000, 1));
      // curl waits a second for "continue" before it sends a large body, unless it is refused.
      const args = [...credentials, '-T', large, `${site.baseUrl}/upload`];
      const text = await runCurl(...args);
      expect(text).toMatchObject({ status, sentBytes: 0 });
      expect(text.body).toMatch(new RegExp(`^ERROR ${code}: .+ \\(.+\\)\\n$`));
      const json = await runCurl(...asJson, ...args);
      expect(JSON.parse(json.body)).toMatchObject({ status, code, hint: expect.any(String) });
      await eventually(async () => expect(await site.leftovers()).toEqual([]));
      expect(await storedIn(site.storageDir)).toEqual(before);
    },
  );

  it('to a repository that the token does not name is refused once its header is known', async () => {
    const site = shared();
    const before = await storedIn(site.storageDir);
    const { path } = await packageOf(site, 'elsewhere', '1.el8');
    const refused = await runCurl('-u', `ci:${CI_TOKEN}`, '-T', path, `${site.baseUrl}/upload`);
    expect(refused).toMatchObject({ status: 403, body: expect.stringContaining('RIGHT_MISSING') });
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
    expect(await storedIn(site.storageDir)).toEqual(before);
  });

  it('is signed as the documentation says, once', async () => {
    const site = shared();
    await packageOf(site, 'pkg');
    await writeFile(join(site.workDir, 'build1.key'), BUILD_KEY);
    const docs = await readFile(HTTP_DOCS, 'utf8');
    const script = /```sh\n(?<script>key=[^`]+)```/.exec(docs)?.groups?.['script'] ?? '';
    const recipe = script.replace('http://repo.example.com', site.baseUrl);
    const { stdout } = await execa('bash', ['-c', recipe], { cwd: site.workDir });
    expect(stdout).toMatch(/^OK - Accessible/);
  });

  it('that was signed cannot be sent again, after a restart neither, nor with another body', async () => {
    const site = shared();
    const { path, sha256 } = await packageOf(site, 'signed');
    const other = await packageOf(site, 'spoiled');
    const headers = signedHeaders({ method: 'PUT', url: '/upload', sha256 });
    const url = `${site.baseUrl}/upload`;
    const spoiled = await runCurl(...headers, '-T', other.path, url);
    expect(spoiled).toMatchObject({ status: 400, body: expect.stringContaining('DIGEST_MISMATCH') });
    const fresh = signedHeaders({ method: 'PUT', url: '/upload', sha256 });
    expect(await runCurl(...fresh, '-T', path, url)).toMatchObject({ status: 201 });
    for (const restart of [false, true]) {
      if (restart) {
        await site.service.kill();
        await site.restart();
      }
      const replayed = await runCurl(...fresh, '-T', path, url);
      expect(replayed).toMatchObject({ status: 401, body: expect.stringContaining('SIGNATURE_REPLAYED') });
    }
  });

  it('in the plain form of older tools is proven by the file', async () => {
    const site = shared();
    const { path, bytes } = await packageOf(site, 'plain');
    const other = await packageOf(site, 'unproven');
    const signature = `X-Signature: sha1=${createHmac('sha1', BUILD_KEY).update(bytes).digest('hex')}`;
    const url = `${site.baseUrl}/upload`;
    const refused = await runCurl('-H', signature, '-T', other.path, url);
    expect(refused).toMatchObject({ status: 401, body: expect.stringContaining('SIGNATURE_INVALID') });
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
    expect(await runCurl('-H', signature, '-T', path, url)).toMatchObject({ status: 201 });
  });

  it('leaves a line of evidence, as each refusal does, which a kill does not take away', async () => {
    const site = shared();
    const { path, sha256 } = await packageOf(site, 'evidence');
    const url = `${site.baseUrl}/upload`;
    const build = ['-H', 'X-Build-Url: https://ci.example.com/job/7'];
    await runCurl('-u', `ci:${CI_TOKEN}`, ...build, '-T', path, url);
    await runCurl('-T', path, url);
    await site.service.kill();
    const [taken, refused] = (await auditOf(site)).slice(-2);
    expect(taken).toMatchObject({
      who: 'token ci',
      address: '127.0.0.1',
      method: 'PUT',
      url: '/upload',
      outcome: 'created',
      nevra: 'evidence-1.0-1.el9.x86_64',
      sha256,
      repositories: ['9/x86_64'],
      buildUrl: 'https://ci.example.com/job/7',
    });
    expect(refused).toMatchObject({
      who: null,
      method: 'PUT',
      url: '/upload',
      outcome: 'CREDENTIALS_MISSING',
    });
    expect(new Set([taken?.['requestId'], refused?.['requestId']]).size).toBe(2);
    await site.restart();
  });

  it('is not the only change that is refused before its body', async () => {
    const site = shared();
    const large = join(site.workDir, 'comps.xml');
    await writeFile(large, Buffer.alloc(4_000_000, 1));
    const url = `${site.baseUrl}/api/v1/repositories/9/x86_64/metadata/group`;
    // Behind nginx the body is on its way to the service when it says no.
    const expected = front === 'none' ? { status: 401, sentBytes: 0 } : { status: 401 };
    expect(await runCurl('-T', large, url)).toMatchObject(expected);
    const other = await runCurl('-u', `ci:${CI_TOKEN}`, '-T', large, url.replace('/9/', '/8/'));
    expect(other).toMatchObject({ status: 403, body: expect.stringContaining('RIGHT_MISSING') });
  });
});

describe.each(FRONTS)('behind %s, reading that is restricted', (front) => {
  const shared = shareSite(() => startAccessSite(front, { public_read: ['8/*', '9.4/*'] }));

  it('needs the right for packages and metadata, but not for keys and .repo files', async () => {
    const site = shared();
    const nine = await packageOf(site, 'pkg');
    const eight = await packageOf(site, 'other', '1.el8');
    const signed = signedHeaders({ method: 'PUT', url: '/upload?wait=30', sha256: eight.sha256 });
    await runCurl('-u', `ci:${CI_TOKEN}`, '-T', nine.path, `${site.baseUrl}/upload?wait=30`);
    expect(await runCurl(...signed, '-T', eight.path, `${site.baseUrl}/upload?wait=30`)).toMatchObject({
      status: 201,
    });
    const statusOf = async (path: string, ...credentials: readonly string[]): Promise<number> =>
      (await runCurl('-o', '/dev/null', ...credentials, `${site.baseUrl}${path}`)).status;

    const repomd = '/repo/9/x86_64/repodata/repomd.xml';
    expect(await statusOf(repomd)).toBe(401);
    expect(await statusOf(repomd, '-u', 'x:wrong')).toBe(401);
    expect(await statusOf(repomd, '-u', `x:${READER_TOKEN}`)).toBe(200);
    expect(await statusOf(repomd, '-u', `x:${CI_TOKEN}`)).toBe(200);
    expect(await statusOf('/repo/8/x86_64/repodata/repomd.xml')).toBe(200);
    expect(await statusOf('/repo/8/x86_64/repodata/repomd.xml', '-u', `x:${CI_TOKEN}`)).toBe(200);
    expect(await statusOf('/repo/9/x86_64/Packages/pkg-1.0-1.el9.x86_64.rpm')).toBe(401);
    expect(await statusOf('/repo/')).toBe(401);
    expect(await statusOf('/repo/', '-u', `x:${CI_TOKEN}`)).toBe(403);
    expect(await statusOf('/repo/', '-u', `x:${READER_TOKEN}`)).toBe(200);
    // What counts is the repository that is read.
    const byHosts = '/repo/9.4/x86_64/repodata/repomd.xml';
    const signedRead = signedHeaders({ method: 'GET', url: byHosts, sha256: sha256Of(Buffer.alloc(0)) });
    expect(await statusOf('/repo/8.10/x86_64/repodata/repomd.xml')).toBe(200);
    expect(await statusOf(byHosts)).toBe(401);
    expect(await statusOf('/repo/9%2E4/x86_64/repodata/repomd.xml')).not.toBe(200);
    expect(await statusOf(byHosts, '-u', `x:${READER_TOKEN}`)).toBe(200);
    expect(await statusOf(byHosts, ...signedRead)).toBe(200);
    for (const trick of ['/repo/8/../9/x86_64/repodata/repomd.xml', '/repo//9/x86_64/repodata/repomd.xml']) {
      expect(await statusOf(trick, '--path-as-is')).not.toBe(200);
    }
    expect(await statusOf('/repo/8/x86_64/..%2f..%2f9/x86_64/repodata/repomd.xml', '--path-as-is')).not.toBe(
      200,
    );
    // curl keeps a fragment to itself; nginx ends the path there.
    for (const path of ['/repo/#.repo', '/repo/9/#.repo', '/repo/9/x86_64/#.repo']) {
      const socket = await openSocket(site.baseUrl);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: repo\r\nConnection: close\r\n\r\n`);
      expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
    expect(await statusOf('/repo/9/x86_64.repo')).toBe(200);
    expect(await statusOf('/rpmyard.repo')).toBe(200);
    const listed = await runCurl(...asJson, `${site.baseUrl}/api/v1/repositories`);
    expect(JSON.parse(listed.body)).toMatchObject({ repositories: [{ repository: '8/x86_64' }] });
    expect(await statusOf(`/api/v1/uploads/${nine.sha256}`)).toBe(404);
    expect(await statusOf(`/api/v1/uploads/${nine.sha256}`, '-u', `x:${READER_TOKEN}`)).toBe(200);
    expect(await statusOf('/metrics')).toBe(401);
    const { body } = await runCurl(...asJson, `${site.baseUrl}${repomd}`);
    expect(JSON.parse(body)).toMatchObject({ code: 'CREDENTIALS_MISSING', status: 401 });
  });

  it('may not be asked for in the name of others', async () => {
    const site = shared();
    const { path: rpm } = await packageOf(site, 'claimed');
    const claims = ['-H', 'X-Original-Method: GET', '-H', 'X-Original-URI: /repo/8/x86_64/harmless'];
    await runCurl('-u', `ci:${CI_TOKEN}`, ...claims, '-T', rpm, `${site.baseUrl}/upload`);
    expect((await auditOf(site)).at(-1)).toMatchObject({ method: 'PUT', url: '/upload', outcome: 'created' });
    for (const path of ['/auth/upload', '/auth/read', '/.rpmyard-access/read']) {
      expect(await runCurl(...claims, `${site.baseUrl}${path}`)).toMatchObject({ status: 404 });
    }
    expect(await runCurl(...claims, `${site.baseUrl}/repo/9/x86_64/repodata/repomd.xml`)).toMatchObject({
      status: 401,
    });
  });

  it('lets dnf in with user name and password', async () => {
    const site = shared();
    const { path: rpm } = await packageOf(site, 'installed');
    await runCurl('-u', `ci:${CI_TOKEN}`, '-T', rpm, `${site.baseUrl}/upload?wait=30`);
    const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/9/x86_64/` };
    const stranger = await runDnf(host, ['makecache', '--refresh']);
    expect(stranger.exitCode).not.toBe(0);
    const options = ['--setopt=t.username=host', `--setopt=t.password=${READER_TOKEN}`];
    const known = await runDnf({ ...host, options }, ['repoquery', '--quiet']);
    expect(known.stdout).toContain('installed-0:1.0-1.el9.x86_64');
  });
});

describe('a command on the machine of the service', () => {
  it('reindexes and verifies through a service that has access rules', async () => {
    await using site = await startAccessSite('none', { public_read: [] });
    const { path: rpm } = await packageOf(site, 'pkg');
    await runCurl('-u', `ci:${CI_TOKEN}`, '-T', rpm, `${site.baseUrl}/upload?wait=30`);
    const { configPath } = site.service;
    expect(await runRpmyard('reindex', '-c', configPath)).toMatchObject({ exitCode: 0 });
    expect(await runRpmyard('verify', '-c', configPath)).toMatchObject({ exitCode: 0 });
    const denied = await runCurl(
      '-X',
      'POST',
      '-u',
      `ci:${CI_TOKEN}`,
      `${site.baseUrl}/api/v1/repositories/9/x86_64/reindex`,
    );
    expect(denied).toMatchObject({ status: 403 });
  });
});

describe('a service with a rule that cannot be kept', () => {
  it('says so and ends, also when there are repositories to be taken up', async () => {
    await using site = await startAccessSite('none');
    const { path: rpm } = await packageOf(site, 'pkg');
    await runCurl('-u', `ci:${CI_TOKEN}`, '-T', rpm, `${site.baseUrl}/upload`);
    await site.service.stop();
    const short = join(site.workDir, 'short.key');
    await writeFile(short, 'short', { mode: 0o600 });
    const path = join(site.workDir, 'short.yml');
    const config = JSON.parse(await readFile(site.service.configPath, 'utf8'));
    config.access.keys = [{ id: 'short', file: short, upload: ['*'] }];
    await writeFile(path, JSON.stringify(config));
    const { exitCode, stderr } = await runRpmyard('serve', '-c', path);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(short);
    // With rules that can be kept it serves what was uploaded.
    await site.restart();
    expect(await runCurl('-u', `ci:${CI_TOKEN}`, '-T', rpm, `${site.baseUrl}/upload`)).toMatchObject({
      status: 200,
    });
  });
});

describe('a service without access rules', () => {
  it('refuses to start on an address that others can reach, and says why', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'open.yml');
    const config = { server: { address: '0.0.0.0' }, repo: { top_dir: join(dir.path, 'x') } };
    await writeFile(path, JSON.stringify(config));
    const { exitCode, stderr } = await runRpmyard('serve', '-c', path);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('other machines can reach 0.0.0.0');
  });
});
