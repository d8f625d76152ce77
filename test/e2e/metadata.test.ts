import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { buildRpm } from '../support/build-rpm.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { dnfInstall, dnfMakecache, runDnf } from '../support/run-dnf.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';

const REPOSITORY = '9/x86_64';
const JSON_WANTED = { accept: 'application/json' };

const comps = (name: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps><group><id>tools</id><name>${name}</name><description/><default>true</default><uservisible>true</uservisible>
<packagelist><packagereq type="mandatory">alpha</packagereq></packagelist></group></comps>
`;

const UPDATEINFO = `<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="a@example.com" status="stable" type="security" version="1"><id>EX-2026-1</id>
<title>alpha</title><issued date="2026-01-01 00:00:00"/><severity>Important</severity><pkglist><collection short="EL">
<package name="alpha" version="1.0" release="1.el9" epoch="0" arch="noarch" src="alpha-1.0-1.el9.src.rpm">
<filename>alpha-1.0-1.el9.noarch.rpm</filename></package></collection></pkglist></update></updates>
`;

async function put(site: Site, type: string, body: string | Uint8Array, query = '?wait=50') {
  return sendRequest(site.baseUrl, {
    method: 'PUT',
    path: `/api/v1/repositories/${REPOSITORY}/metadata/${type}${query}`,
    headers: JSON_WANTED,
    body: Buffer.from(body),
  });
}

const typesIn = async (site: Site): Promise<readonly string[]> =>
  [...(await readIndex(readerOverHttp(site.baseUrl, REPOSITORY))).repomdXml.matchAll(/<data type="([^"]+)"/g)]
    .map(([, type = '']) => type)
    .toSorted();

describe.each(['incremental', 'createrepo'])('metadata that is put, with the %s engine', (engine) => {
  const options = { front: 'none', config: { index_updater: { engine } } } as const;

  test('reaches dnf: groups from comps, advisories from updateinfo', async () => {
    await using site = await startSite(options);
    const alpha = await readFile(await buildRpm({ name: 'alpha' }, site.workDir));
    await putPackage(site.baseUrl, alpha, 'wait=50');
    expect((await put(site, 'group', comps('First'))).status).toBe(200);
    expect((await put(site, 'updateinfo', gzipSync(UPDATEINFO))).json()).toMatchObject({
      repository: REPOSITORY,
      type: 'updateinfo',
      sha256: sha256Of(gzipSync(UPDATEINFO)),
      state: 'published',
    });
    expect(await typesIn(site)).toEqual(['filelists', 'group', 'other', 'primary', 'updateinfo']);

    const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/${REPOSITORY}/` };
    expect(await dnfMakecache(host)).toMatchObject({ exitCode: 0 });
    expect((await runDnf(host, ['group', 'info', 'First'])).stdout).toContain('alpha');
    expect(await dnfInstall(host, 'alpha')).toMatchObject({ exitCode: 0 });
    expect((await runDnf(host, ['updateinfo', 'list', '--installed'])).stdout).toContain('EX-2026-1');
  });

  test('takes the place of the former of its type, and stays when packages come', async () => {
    await using site = await startSite(options);
    await putPackage(site.baseUrl, craftRpm({ name: 'alpha' }), 'wait=50&releasever=9');
    await put(site, 'group', comps('First'));
    await put(site, 'group', zstdCompressSync(Buffer.from(comps('Second'))));
    await putPackage(site.baseUrl, craftRpm({ name: 'beta' }), 'wait=50&releasever=9');
    const { packages, repomdXml } = await readIndex(readerOverHttp(site.baseUrl, REPOSITORY));
    expect(packages.size).toBe(2);
    expect(repomdXml.match(/<data type="group"/g)).toHaveLength(1);
    const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/${REPOSITORY}/` };
    const groups = await runDnf(host, ['group', 'list', '--refresh']);
    expect(groups.stdout).toContain('Second');
    expect(groups.stdout).not.toContain('First');
  });
});

async function ask(site: Site, method: string, type: string, headers: Record<string, string> = {}) {
  return sendRequest(site.baseUrl, {
    method,
    path: `/api/v1/repositories/${REPOSITORY}/metadata${type}`,
    headers: { ...JSON_WANTED, ...headers },
  });
}

async function putIf(site: Site, name: string, headers: Record<string, string>, query = '') {
  return sendRequest(site.baseUrl, {
    method: 'PUT',
    path: `/api/v1/repositories/${REPOSITORY}/metadata/group${query}`,
    headers: { ...JSON_WANTED, ...headers },
    body: Buffer.from(comps(name)),
  });
}

const NEVER = { quiet_seconds: 3600, max_wait_seconds: 86_400 };

describe.each(['none', 'nginx'] as const)('metadata of a repository, with %s in front', (front) => {
  test('is read, replaced under a condition and removed', async () => {
    await using site = await startSite({ front });
    await putPackage(site.baseUrl, craftRpm({ name: 'alpha' }), 'wait=50&releasever=9');
    expect((await ask(site, 'GET', '/group')).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    const first = await putIf(site, 'First', { 'if-none-match': '*' }, '?wait=50');
    const etag = String(first.headers['etag']);
    expect(first.status).toBe(200);
    expect(etag).toBe(`"${sha256Of(Buffer.from(comps('First')))}"`);
    expect(await putIf(site, 'Other', { 'if-none-match': '*' })).toMatchObject({ status: 412 });

    const read = await ask(site, 'GET', '/group');
    expect(read).toMatchObject({ status: 200, headers: { etag, 'x-content-type-options': 'nosniff' } });
    expect(read.text).toBe(comps('First'));
    expect(await ask(site, 'HEAD', '/group')).toMatchObject({ status: 200, headers: { etag } });
    expect(await ask(site, 'GET', '/group', { 'if-none-match': `W/${etag}` })).toMatchObject({ status: 304 });
    expect(await ask(site, 'GET', '/group', { 'if-match': '"other"' })).toMatchObject({ status: 412 });
    expect((await ask(site, 'GET', '')).json()).toMatchObject({
      repository: REPOSITORY,
      metadata: [{ type: 'group', etag, state: 'published' }],
    });

    const stale = await putIf(site, 'Stale', { 'if-match': '"old", "older"' });
    expect(stale.json()).toMatchObject({ status: 412, code: 'PRECONDITION_FAILED' });
    expect((await putIf(site, 'Stale', { 'if-match': 'old' })).json()).toMatchObject({
      code: 'PARAMETER_INVALID',
    });
    const second = await putIf(site, 'Second', { 'if-match': `"x", ${etag}` }, '?wait=50');
    expect(second.json()).toMatchObject({ state: 'published' });

    expect(await ask(site, 'DELETE', '/group', { 'if-match': etag })).toMatchObject({ status: 412 });
    expect(await ask(site, 'DELETE', '/updateinfo')).toMatchObject({ status: 404 });
    expect(await ask(site, 'DELETE', '/primary')).toMatchObject({ status: 400 });
    const gone = await ask(site, 'DELETE', '/group?wait=50', { 'if-match': String(second.headers['etag']) });
    expect(gone.json()).toMatchObject({ repository: REPOSITORY, type: 'group', state: 'removed' });
    expect(await typesIn(site)).toEqual(['filelists', 'other', 'primary']);
    expect(await ask(site, 'GET', '/group')).toMatchObject({ status: 404 });
    expect((await ask(site, 'GET', '')).json()).toMatchObject({ metadata: [] });
  });
});

describe('of two changes of one type at once', () => {
  test('the replaced one is told so, and the other that it is published', async () => {
    await using site = await startSite({ front: 'none', config: { index_updater: NEVER } });
    await putPackage(site.baseUrl, craftRpm({ name: 'alpha' }), 'wait=50&releasever=9');
    const answers = await Promise.all([
      putIf(site, 'First', {}, '?wait=50'),
      putIf(site, 'Second', {}, '?wait=50'),
      putIf(site, 'Third', {}, '?wait=50'),
    ]);
    const published = answers.filter(({ status }) => status === 200);
    const replaced = answers.filter(({ status }) => status !== 200);
    expect(published.length).toBeGreaterThan(0);
    for (const answer of replaced) {
      expect(answer.json()).toMatchObject({ status: 409, code: 'METADATA_REPLACED' });
    }
    expect((await ask(site, 'GET', '')).json()).toMatchObject({ metadata: [{ state: 'published' }] });
    const now = await ask(site, 'GET', '/group');
    expect(published.map(({ headers }) => headers['etag'])).toContain(now.headers['etag']);
  });

  test('a removal survives a kill, and what is put after it takes its place', async () => {
    await using site = await startSite({ front: 'none', config: { index_updater: NEVER } });
    await putPackage(site.baseUrl, craftRpm({ name: 'alpha' }), 'wait=50&releasever=9');
    await put(site, 'group', comps('First'));
    await put(site, 'updateinfo', UPDATEINFO);
    expect((await ask(site, 'DELETE', '/group')).json()).toMatchObject({ state: 'waiting' });
    expect((await ask(site, 'DELETE', '/updateinfo')).json()).toMatchObject({ state: 'waiting' });
    expect(await ask(site, 'DELETE', '/group')).toMatchObject({ status: 404 });
    expect(await putIf(site, 'Second', { 'if-match': '*' })).toMatchObject({ status: 412 });
    expect((await putIf(site, 'Second', { 'if-none-match': '*' })).json()).toMatchObject({
      state: 'waiting',
    });
    await site.service.kill();
    await site.restart();
    expect((await ask(site, 'GET', '')).json()).toMatchObject({ metadata: [{ type: 'group' }] });
    await sendRequest(site.baseUrl, { method: 'GET', path: `/api/v1/repositories/${REPOSITORY}?wait=50` });
    expect(await typesIn(site)).toEqual(['filelists', 'group', 'other', 'primary']);
    expect((await ask(site, 'GET', '/group')).text).toBe(comps('Second'));
    expect(await readdir(join(site.service.stateDir, 'metadata', '9@x86_64'))).toEqual([]);
  });
});

describe('metadata that is put', () => {
  test('survives a kill before it is published', async () => {
    await using site = await startSite({ front: 'none', config: { index_updater: NEVER } });
    await putPackage(site.baseUrl, craftRpm({ name: 'alpha' }), 'wait=50&releasever=9');
    expect((await put(site, 'group', comps('First'), '')).json()).toMatchObject({ state: 'waiting' });
    await site.service.kill();
    await site.restart();
    await sendRequest(site.baseUrl, { method: 'GET', path: `/api/v1/repositories/${REPOSITORY}?wait=50` });
    expect(await typesIn(site)).toContain('group');
    expect(await readdir(join(site.service.stateDir, 'metadata', '9@x86_64'))).toEqual([]);
  });

  test.each([
    ['updateinfo', '<updates><update></updates>', 422, 'METADATA_INVALID'],
    ['updateinfo', gzipSync('<updates/>').subarray(0, 20), 422, 'METADATA_INVALID'],
    ['modules', Buffer.from([0xff, 0xfe, 0x00]), 422, 'METADATA_INVALID'],
    ['updateinfo', comps('First'), 422, 'METADATA_INVALID'],
    ['group', 'Name: hello', 422, 'METADATA_INVALID'],
    ['modules', 'Name: hello', 422, 'METADATA_INVALID'],
    ['group', gzipSync('<a>'.repeat(50_000)), 422, 'METADATA_INVALID'],
    ['group', '<!DOCTYPE comps [<!ENTITY a "b">]><comps>&a;</comps>', 422, 'METADATA_INVALID'],
    ['comps', comps('First'), 400, 'PARAMETER_INVALID'],
    ['updateinfo', '', 400, 'EMPTY_BODY'],
    ['primary', '<metadata/>', 400, 'PARAMETER_INVALID'],
    ['filelists_db', 'x', 400, 'PARAMETER_INVALID'],
    ['group_gz', comps('First'), 400, 'PARAMETER_INVALID'],
    ['Group', comps('First'), 400, 'PARAMETER_INVALID'],
    ['..%2f..%2fx', comps('First'), 400, 'PARAMETER_INVALID'],
  ])('is refused as %s with the content %j', async (type, body, status, code) => {
    await using site = await startSite({ front: 'none' });
    await putPackage(site.baseUrl, craftRpm({ name: 'alpha' }), 'wait=50&releasever=9');
    const answer = await put(site, type, body);
    expect(answer.json()).toMatchObject({ status, code });
    expect(await typesIn(site)).toEqual(['filelists', 'other', 'primary']);
    // The upload's file goes after its answer.
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('needs a repository that is there', async () => {
    await using site = await startSite({ front: 'none' });
    expect((await put(site, 'group', comps('First'))).json()).toMatchObject({ code: 'NOT_FOUND' });
    expect(await site.leftovers()).toEqual([]);
  });

  test('is compared with the digest that was sent along', async () => {
    await using site = await startSite({ front: 'none' });
    await putPackage(site.baseUrl, craftRpm({ name: 'alpha' }), 'wait=50&releasever=9');
    const answer = await sendRequest(site.baseUrl, {
      method: 'PUT',
      path: `/api/v1/repositories/${REPOSITORY}/metadata/group`,
      headers: { ...JSON_WANTED, 'x-checksum-sha256': 'a'.repeat(64) },
      body: Buffer.from(comps('First')),
    });
    expect(answer.json()).toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
