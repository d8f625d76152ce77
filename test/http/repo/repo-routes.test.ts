import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GENERATION_FILES, GENERATION_URLS } from '../../support/generation-urls.ts';
import { RELEASEVER_FILES, RELEASEVER_LINK, RELEASEVER_URLS } from '../../support/releasever-urls.ts';
import { buildTestApp, type TestApp } from '../../support/test-app.ts';

const SHA = 'ab'.repeat(32);
const PACKAGE = '9/x86_64/Packages/a+b~1^2-1-1.el9.x86_64.rpm';
const METADATA = `9/x86_64/repodata/${SHA}-primary.xml.gz`;
const IMMUTABLE = 'max-age=31536000, immutable';

let service: TestApp;

beforeEach(async () => {
  service = await buildTestApp();
  await put(PACKAGE, '0123456789');
  await put(METADATA, 'primary');
  await put('9/x86_64/repodata/repomd.xml', '<repomd/>');
  await put('9/x86_64.repo', '[rpmyard-9-x86_64]\n');
});

afterEach(() => service[Symbol.asyncDispose]());

async function put(path: string, content: string): Promise<string> {
  const full = join(service.topDir, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, content);
  return full;
}

const get = (url: string, headers: Record<string, string> = {}) => service.app.inject({ url, headers });

describe('metadata with its checksum in the name', () => {
  it.each([
    ['sha1', 40, IMMUTABLE],
    ['sha512', 128, IMMUTABLE],
    // As nginx/rpmyard.conf does.
    ['MD5', 32, 'no-cache'],
  ])('of %s has %i digits and is remembered: %s', async (_algorithm, digits, remembered) => {
    const path = `9/x86_64/repodata/${'0'.repeat(digits)}-primary.xml.gz`;
    await put(path, 'primary');
    expect((await get(`/repo/${path}`)).headers['cache-control']).toBe(remembered);
  });
});

describe('a package', () => {
  it('is sent whole, with a type, a length and for ever', async () => {
    const answer = await get(`/repo/${PACKAGE}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe('0123456789');
    expect(answer.headers).toMatchObject({
      'content-type': 'application/x-rpm',
      'content-length': '10',
      'cache-control': IMMUTABLE,
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
    });
  });

  it('that a signature was needed for is nothing for a cache that others share', async () => {
    const answer = await get(`/repo/${PACKAGE}`, { 'x-signature': `sha256=${'0'.repeat(64)}` });
    expect(answer.headers['cache-control']).toBe(`private, ${IMMUTABLE}`);
  });

  it('is found however its name is escaped', async () => {
    for (const url of [encodeURI(PACKAGE), encodeURIComponent(PACKAGE).replaceAll('%2F', '/')]) {
      expect((await get(`/repo/${url}`)).body).toBe('0123456789');
    }
  });

  it('answers HEAD without a body', async () => {
    const answer = await service.app.inject({ method: 'HEAD', url: `/repo/${PACKAGE}` });
    expect(answer).toMatchObject({ statusCode: 200, body: '' });
    expect(answer.headers['content-length']).toBe('10');
  });

  it.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=4-', 206, '456789', 'bytes 4-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
  ])('answers the range %s', async (range, status, body, contentRange) => {
    const answer = await get(`/repo/${PACKAGE}`, { range });
    expect(answer).toMatchObject({ statusCode: status, body });
    expect(answer.headers['content-range']).toBe(contentRange);
  });

  it('answers 416 to a range beyond its end', async () => {
    const answer = await get(`/repo/${PACKAGE}`, { range: 'bytes=10-' });
    expect(answer.statusCode).toBe(416);
    expect(answer.body).toMatch(/^ERROR RANGE_NOT_SATISFIABLE: /);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('is not sent again to who has it', async () => {
    const { etag, 'last-modified': lastModified } = (await get(`/repo/${PACKAGE}`)).headers;
    for (const headers of [
      { 'if-none-match': String(etag) },
      { 'if-modified-since': String(lastModified) },
    ]) {
      expect(await get(`/repo/${PACKAGE}`, headers)).toMatchObject({ statusCode: 304, body: '' });
    }
    expect((await get(`/repo/${PACKAGE}`, { 'if-none-match': '"other"' })).statusCode).toBe(200);
  });
});

describe('metadata', () => {
  it('with its checksum in the name is kept for ever and not unpacked on the way', async () => {
    const answer = await get(`/repo/${METADATA}`);
    expect(answer.headers).toMatchObject({ 'cache-control': IMMUTABLE, 'content-type': 'application/gzip' });
    expect(answer.headers['content-encoding']).toBeUndefined();
  });

  it.each(['9/x86_64/repodata/repomd.xml', '9/x86_64.repo'])(
    '%s is asked for again each time',
    async (path) => {
      const answer = await get(`/repo/${path}`);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['cache-control']).toBe('no-cache');
      expect(answer.headers['etag']).toMatch(/^"[0-9a-f]+-[0-9a-f]+"$/);
    },
  );

  it('repomd.xml is not sent again to who has the same', async () => {
    const url = '/repo/9/x86_64/repodata/repomd.xml';
    const etag = String((await get(url)).headers['etag']);
    for (const value of [etag, `"other", ${etag}`, `${etag},"other"`]) {
      expect(await get(url, { 'if-none-match': value })).toMatchObject({ statusCode: 304, body: '' });
    }
    expect((await get(url, { 'if-none-match': '"other"' })).statusCode).toBe(200);
  });

  it('that is replaced while it is sent comes as it was, whole', async () => {
    const path = '9/x86_64/repodata/repomd.xml';
    const content = 'x'.repeat(1_000_000);
    const full = await put(path, content);
    const url = await service.app.listen({ host: '127.0.0.1', port: 0 });
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      request(`${url}/repo/${path}`, { agent: false }, resolve).once('error', reject).end();
    });
    await rename(await put('9/x86_64/repodata/next', 'y'), full);
    expect(await text(answer)).toBe(content);
  });

  it('has the type of its ending', async () => {
    for (const [name, type] of [
      ['x.xml', 'application/xml'],
      ['x.xml.zst', 'application/zstd'],
      ['repomd.xml.asc', 'text/plain; charset=utf-8'],
      ['x.html', 'application/octet-stream'],
      ['x', 'application/octet-stream'],
    ] as const) {
      await put(`9/x86_64/repodata/${name}`, 'x');
      expect((await get(`/repo/9/x86_64/repodata/${name}`)).headers['content-type'], name).toBe(type);
    }
  });
});

describe('a generation', () => {
  it('has a repomd.xml of its own, and everything else in common with the repository, as behind nginx', async () => {
    for (const [path, content] of Object.entries(GENERATION_FILES)) await put(path, content);
    await symlink('repomd.xml', join(service.topDir, '9/x86_64/repodata/link.xml'));
    for (const [path, [status, body]] of Object.entries(GENERATION_URLS)) {
      const answer = await get(`/repo/${path}`);
      expect(answer.statusCode, path).toBe(status);
      expect(answer.body, path).toContain(body);
      const isRemembered = answer.headers['cache-control'] === IMMUTABLE;
      expect(isRemembered, path).toBe(status === 200 && !path.endsWith('mirrorlist'));
      expect(answer.headers['cache-control'] === 'no-store', path).toBe(status === 404);
    }
  });

  it('is a directory for people as well', async () => {
    await put('9/x86_64/repodata/@7/repomd.xml', 'seventh');
    expect((await get('/repo/9/x86_64/@7/Packages')).headers['location']).toBe('/repo/9/x86_64/@7/Packages/');
    expect((await get('/repo/9/x86_64/@7/')).body).toContain('Index of /repo/9/x86_64/@7/');
  });
});

describe('a releasever as hosts call it', () => {
  it('leads to the repositories of its major number, unless there is a directory of its name, as behind nginx', async () => {
    for (const [path, content] of Object.entries(RELEASEVER_FILES)) await put(path, content);
    const [link, target] = RELEASEVER_LINK;
    await symlink(target, join(service.topDir, link));
    for (const [path, [status, body]] of Object.entries(RELEASEVER_URLS)) {
      const answer = await get(`/repo/${path}`);
      expect([answer.statusCode, answer.body], path).toEqual([status, expect.stringContaining(body)]);
    }
    expect((await get('/repo/9.4/x86_64')).headers['location']).toBe('/repo/9/x86_64/');
    expect((await get('/repo/9.4/x86_64/Packages/')).body).toContain('a-1-1.el9.x86_64.rpm');
  });
});

describe('a directory', () => {
  it('is a page that may load and run nothing', async () => {
    const answer = await get('/repo/9/x86_64/');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'x-content-type-options': 'nosniff',
    });
    expect(answer.body).toContain('href="./Packages/"');
  });

  it.each([
    ['/', 302, '/repo/'],
    ['/repo', 301, '/repo/'],
    ['/repo/9', 301, '/repo/9/'],
    ['/repo/9/x86_64', 301, '/repo/9/x86_64/'],
  ])('%s leads with %i to %s', async (url, status, location) => {
    const answer = await get(url);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['location']).toBe(location);
  });

  it.each(['a?b', 'a#b', 'a b', 'ä', 'a%2fb', 'a\r\nb'])(
    'called %j is led to by its own name',
    async (name) => {
      await mkdir(join(service.topDir, name));
      const { location } = (await get(`/repo/${encodeURIComponent(name)}`)).headers;
      expect(new URL(String(location), 'http://host').pathname).toBe(`/repo/${encodeURIComponent(name)}/`);
      expect((await get(String(location))).statusCode).toBe(200);
    },
  );

  it('never leads to another host', async () => {
    await mkdir(join(service.topDir, 'example.com'));
    for (const url of ['/repo//example.com', '/repo/%2fexample.com', '/repo/%5cexample.com']) {
      const { location = '' } = (await get(url)).headers;
      expect(new URL(location, 'http://host').host).toBe('host');
    }
  });
});

describe('what is not to be had', () => {
  it.each([
    '/repo/none',
    '/repo/9/x86_64/repodata/.repomd.xml',
    '/repo/.hidden',
    '/repo/%2ehidden',
    '/repo/%252e%252e/%252e%252e/etc/passwd',
    '/repo/..%5c..%5cetc%5cpasswd',
    '/repo//etc/passwd',
    `/repo/${PACKAGE}/`,
    `/repo/${PACKAGE}/more`,
    '/repo/link',
    '/repo/link/passwd',
    '/rpmyard.repo',
  ])('%s answers 404 in our own words', async (url) => {
    await put('.hidden', 'hidden');
    await put('9/x86_64/repodata/.repomd.xml', 'half');
    await symlink('/etc', join(service.topDir, 'link'));
    for (const accept of ['*/*', 'application/json']) {
      const answer = await get(url, { accept });
      expect(answer.statusCode).toBe(404);
      expect(answer.body).toContain('NOT_FOUND');
      expect(answer.body).not.toContain('root:');
      expect(answer.headers['cache-control'] ?? 'no-store').not.toContain('immutable');
    }
  });

  it('with more dot segments than there are directories, as they are written, is no path', async () => {
    await service.app.listen({ host: '127.0.0.1', port: 0 });
    const [address] = service.app.addresses();
    if (typeof address !== 'object') throw new Error('expected a TCP address');
    for (const path of [
      '/repo/../../etc/passwd',
      '/repo/9/../../../etc/passwd',
      '/repo/%2E%2e/%2e%2E/etc/passwd',
      '/repo/..%2f..%2fetc%2fpasswd',
      '/repo/%00',
    ]) {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        request({ host: '127.0.0.1', port: address.port, path, agent: false }, resolve)
          .once('error', reject)
          .end();
      });
      expect(answer.statusCode, path).toBe(400);
      expect(await text(answer)).toContain('PARAMETER_INVALID');
    }
  });

  it.each(['/repo/%zz', '/repo/%'])('%s, which is no text, answers 4xx in our own words', async (url) => {
    const answer = await get(url);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.statusCode).toBeLessThan(500);
    expect(answer.body).toMatch(/^ERROR PARAMETER_INVALID: [^\n]+ \([^\n]+\)\n$/);
    const document = await get(url, { accept: 'application/json' });
    expect(document.json()).toMatchObject({ code: 'PARAMETER_INVALID', status: 400 });
  });

  it.each(['PUT', 'POST', 'DELETE', 'PATCH'] as const)('%s changes nothing', async (method) => {
    const answer = await service.app.inject({ method, url: `/repo/${PACKAGE}`, payload: 'other' });
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect((await get(`/repo/${PACKAGE}`)).body).toBe('0123456789');
  });
});

describe('/rpmyard.repo', () => {
  it('is the file for every host', async () => {
    await put('rpmyard.repo', '[rpmyard]\n');
    const answer = await get('/rpmyard.repo');
    expect(answer).toMatchObject({ statusCode: 200, body: '[rpmyard]\n' });
    expect(answer.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-cache',
    });
  });
});

describe('an unknown path', () => {
  it('answers 404 as text or as a problem document, and escapes what was asked for', async () => {
    const answer = await get('/no/such\u001b[2J');
    expect(answer.statusCode).toBe(404);
    expect(answer.body).toMatch(/^ERROR NOT_FOUND: [^\n]+ \([^\n]+\)\n$/);
    // oxlint-disable-next-line no-control-regex -- finding them is the purpose
    expect(answer.body.trimEnd()).not.toMatch(/[\u0000-\u001f]/);
    const document = await get('/no/such', { accept: 'application/problem+json' });
    expect(document.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(document.json()).toMatchObject({
      code: 'NOT_FOUND',
      status: 404,
      type: 'about:blank',
      title: 'Not Found',
    });
  });
});
