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
import { shareSite } from '../support/share-site.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';

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

/** A repository of a site; tests that share one have each their own. */
interface Place {
  readonly site: Site;
  readonly releasever: string;
  readonly repository: string;
}

const placeOf = (site: Site, releasever: string): Place => ({
  site,
  releasever,
  repository: `${releasever}/x86_64`,
});

const metadataPath = ({ repository }: Place, rest: string): string =>
  `/api/v1/repositories/${repository}/metadata${rest}`;

/** A package, without which there is no repository. */
async function open(place: Place, name = 'alpha'): Promise<Place> {
  const query = `wait=50&releasever=${place.releasever}`;
  const { status } = await putPackage(place.site.baseUrl, craftRpm({ name, release: '1' }), query);
  expect(status).toBe(201);
  return place;
}

async function put(place: Place, type: string, body: string | Uint8Array, query = '?wait=50') {
  return sendRequest(place.site.baseUrl, {
    method: 'PUT',
    path: metadataPath(place, `/${type}${query}`),
    headers: JSON_WANTED,
    body: Buffer.from(body),
  });
}

const typesIn = async ({ site, repository }: Place): Promise<readonly string[]> => {
  const { repomdXml } = await readIndex(readerOverHttp(site.baseUrl, repository));
  return [...repomdXml.matchAll(/<data type="([^"]+)"/g)].map(([, type = '']) => type).toSorted();
};

describe.each(['incremental', 'createrepo'])('metadata that is put, with the %s engine', (engine) => {
  const shared = shareSite(() => startSite({ front: 'none', config: { index_updater: { engine } } }));

  test('reaches dnf: groups from comps, advisories from updateinfo', async () => {
    const place = placeOf(shared(), '9');
    const { site, repository } = place;
    const alpha = await readFile(await buildRpm({ name: 'alpha' }, site.workDir));
    await putPackage(site.baseUrl, alpha, 'wait=50');
    expect((await put(place, 'group', comps('First'))).status).toBe(200);
    expect((await put(place, 'updateinfo', gzipSync(UPDATEINFO))).json()).toMatchObject({
      repository,
      type: 'updateinfo',
      sha256: sha256Of(gzipSync(UPDATEINFO)),
      state: 'published',
    });
    expect(await typesIn(place)).toEqual(['filelists', 'group', 'other', 'primary', 'updateinfo']);

    const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/${repository}/` };
    expect(await dnfMakecache(host)).toMatchObject({ exitCode: 0 });
    expect((await runDnf(host, ['group', 'info', 'First'])).stdout).toContain('alpha');
    expect(await dnfInstall(host, 'alpha')).toMatchObject({ exitCode: 0 });
    expect((await runDnf(host, ['updateinfo', 'list', '--installed'])).stdout).toContain('EX-2026-1');
  });

  test('takes the place of the former of its type, and stays when packages come', async () => {
    const place = await open(placeOf(shared(), '8'));
    const { site, repository } = place;
    await put(place, 'group', comps('First'));
    await put(place, 'group', zstdCompressSync(Buffer.from(comps('Second'))));
    await open(place, 'beta');
    const { packages, repomdXml } = await readIndex(readerOverHttp(site.baseUrl, repository));
    expect(packages.size).toBe(2);
    expect(repomdXml.match(/<data type="group"/g)).toHaveLength(1);
    const host = {
      root: join(site.workDir, 'host-of-8'),
      repositoryUrl: `${site.baseUrl}/repo/${repository}/`,
    };
    const groups = await runDnf(host, ['group', 'list', '--refresh']);
    expect(groups.stdout).toContain('Second');
    expect(groups.stdout).not.toContain('First');
  });
});

async function ask(place: Place, method: string, type: string, headers: Record<string, string> = {}) {
  return sendRequest(place.site.baseUrl, {
    method,
    path: metadataPath(place, type),
    headers: { ...JSON_WANTED, ...headers },
  });
}

async function putIf(place: Place, name: string, headers: Record<string, string>, query = '') {
  return sendRequest(place.site.baseUrl, {
    method: 'PUT',
    path: metadataPath(place, `/group${query}`),
    headers: { ...JSON_WANTED, ...headers },
    body: Buffer.from(comps(name)),
  });
}

const NEVER = { quiet_seconds: 3600, max_wait_seconds: 86_400 };

describe.each(['none', 'nginx'] as const)('metadata of a repository, with %s in front', (front) => {
  test('is read, replaced under a condition and removed', async () => {
    await using site = await startSite({ front });
    const place = await open(placeOf(site, '9'));
    expect((await ask(place, 'GET', '/group')).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    const first = await putIf(place, 'First', { 'if-none-match': '*' }, '?wait=50');
    const etag = String(first.headers['etag']);
    expect(first.status).toBe(200);
    expect(etag).toBe(`"${sha256Of(Buffer.from(comps('First')))}"`);
    expect(await putIf(place, 'Other', { 'if-none-match': '*' })).toMatchObject({ status: 412 });

    const read = await ask(place, 'GET', '/group');
    expect(read).toMatchObject({ status: 200, headers: { etag, 'x-content-type-options': 'nosniff' } });
    expect(read.text).toBe(comps('First'));
    expect(await ask(place, 'HEAD', '/group')).toMatchObject({ status: 200, headers: { etag } });
    expect(await ask(place, 'GET', '/group', { 'if-none-match': `W/${etag}` })).toMatchObject({
      status: 304,
    });
    expect(await ask(place, 'GET', '/group', { 'if-match': '"other"' })).toMatchObject({ status: 412 });
    expect((await ask(place, 'GET', '')).json()).toMatchObject({
      repository: place.repository,
      metadata: [{ type: 'group', etag, state: 'published' }],
    });

    const stale = await putIf(place, 'Stale', { 'if-match': '"old", "older"' });
    expect(stale.json()).toMatchObject({ status: 412, code: 'PRECONDITION_FAILED' });
    expect((await putIf(place, 'Stale', { 'if-match': 'old' })).json()).toMatchObject({
      code: 'PARAMETER_INVALID',
    });
    const second = await putIf(place, 'Second', { 'if-match': `"x", ${etag}` }, '?wait=50');
    expect(second.json()).toMatchObject({ state: 'published' });

    expect(await ask(place, 'DELETE', '/group', { 'if-match': etag })).toMatchObject({ status: 412 });
    expect(await ask(place, 'DELETE', '/updateinfo')).toMatchObject({ status: 404 });
    expect(await ask(place, 'DELETE', '/primary')).toMatchObject({ status: 400 });
    const gone = await ask(place, 'DELETE', '/group?wait=50', { 'if-match': String(second.headers['etag']) });
    expect(gone.json()).toMatchObject({ repository: place.repository, type: 'group', state: 'removed' });
    expect(await typesIn(place)).toEqual(['filelists', 'other', 'primary']);
    expect(await ask(place, 'GET', '/group')).toMatchObject({ status: 404 });
    expect((await ask(place, 'GET', '')).json()).toMatchObject({ metadata: [] });
  });
});

describe('metadata that no index run takes up unasked', () => {
  const shared = shareSite(() => startSite({ front: 'none', config: { index_updater: NEVER } }));

  test('is told, of several changes of one type at once, which was replaced and which is published', async () => {
    const place = await open(placeOf(shared(), '7'));
    const answers = await Promise.all([
      putIf(place, 'First', {}, '?wait=50'),
      putIf(place, 'Second', {}, '?wait=50'),
      putIf(place, 'Third', {}, '?wait=50'),
    ]);
    const published = answers.filter(({ status }) => status === 200);
    const replaced = answers.filter(({ status }) => status !== 200);
    expect(published.length).toBeGreaterThan(0);
    for (const answer of replaced) {
      expect(answer.json()).toMatchObject({ status: 409, code: 'METADATA_REPLACED' });
    }
    expect((await ask(place, 'GET', '')).json()).toMatchObject({ metadata: [{ state: 'published' }] });
    const now = await ask(place, 'GET', '/group');
    expect(published.map(({ headers }) => headers['etag'])).toContain(now.headers['etag']);
  });

  test('and is removed stays so after a kill, and what is put after the removal takes its place', async () => {
    const site = shared();
    const place = await open(placeOf(site, '8'));
    await put(place, 'group', comps('First'));
    await put(place, 'updateinfo', UPDATEINFO);
    expect((await ask(place, 'DELETE', '/group')).json()).toMatchObject({ state: 'waiting' });
    expect((await ask(place, 'DELETE', '/updateinfo')).json()).toMatchObject({ state: 'waiting' });
    expect(await ask(place, 'DELETE', '/group')).toMatchObject({ status: 404 });
    expect(await putIf(place, 'Second', { 'if-match': '*' })).toMatchObject({ status: 412 });
    expect((await putIf(place, 'Second', { 'if-none-match': '*' })).json()).toMatchObject({
      state: 'waiting',
    });
    await site.service.kill();
    await site.restart();
    expect((await ask(place, 'GET', '')).json()).toMatchObject({ metadata: [{ type: 'group' }] });
    await sendRequest(site.baseUrl, {
      method: 'GET',
      path: `/api/v1/repositories/${place.repository}?wait=50`,
    });
    expect(await typesIn(place)).toEqual(['filelists', 'group', 'other', 'primary']);
    expect((await ask(place, 'GET', '/group')).text).toBe(comps('Second'));
    expect(await readdir(join(site.service.stateDir, 'metadata', '8@x86_64'))).toEqual([]);
  });

  test('survives a kill before it is published', async () => {
    const site = shared();
    const place = await open(placeOf(site, '9'));
    expect((await put(place, 'group', comps('First'), '')).json()).toMatchObject({ state: 'waiting' });
    await site.service.kill();
    await site.restart();
    await sendRequest(site.baseUrl, {
      method: 'GET',
      path: `/api/v1/repositories/${place.repository}?wait=50`,
    });
    expect(await typesIn(place)).toContain('group');
    expect(await readdir(join(site.service.stateDir, 'metadata', '9@x86_64'))).toEqual([]);
  });
});

describe('metadata that is put', () => {
  const shared = shareSite(
    () => startSite({ front: 'none' }),
    (site) => open(placeOf(site, '9')),
  );

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
    const site = shared();
    const place = placeOf(site, '9');
    const answer = await put(place, type, body);
    expect(answer.json()).toMatchObject({ status, code });
    expect(await typesIn(place)).toEqual(['filelists', 'other', 'primary']);
    // The upload's file goes after its answer.
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('needs a repository that is there', async () => {
    const site = shared();
    const place = placeOf(site, '6');
    expect((await put(place, 'group', comps('First'))).json()).toMatchObject({ code: 'NOT_FOUND' });
    expect(await site.leftovers()).toEqual([]);
  });

  test('is compared with the digest that was sent along', async () => {
    const site = shared();
    const answer = await sendRequest(site.baseUrl, {
      method: 'PUT',
      path: metadataPath(placeOf(site, '9'), '/group'),
      headers: { ...JSON_WANTED, 'x-checksum-sha256': 'a'.repeat(64) },
      body: Buffer.from(comps('First')),
    });
    expect(answer.json()).toMatchObject({ code: 'DIGEST_MISMATCH' });
  });
});
