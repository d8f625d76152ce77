import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { SignatureTag, Tag } from '../../src/rpm/rpm-parser/tag.ts';
import { buildRpm } from '../support/build-rpm.ts';
import {
  type CraftTag,
  craftRpm,
  dropTags,
  int32Tag,
  replaceTags,
  stringArrayTag,
} from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { lacks } from '../support/lacks.ts';
import { openSocket, putHeader, readToEnd, sendAndLeave } from '../support/raw-socket.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { runCurl } from '../support/run-curl.ts';
import { dnfInstall, dnfMakecache } from '../support/run-dnf.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { shareSite } from '../support/share-site.ts';
import { storedIn } from '../support/stored-in.ts';
import { zypperAddRepository, zypperInstall, zypperRefresh } from '../support/run-zypper.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';

const LEAVING_CLIENTS = 30;
const INSTALLED_FILE = '/usr/share/installed';
const LOCATION = '/repo/9/x86_64/Packages/example-1.0-1.el9.x86_64.rpm';

const ALONE = { front: 'none' } as const;
const UP_TO_1_MIB = { front: 'none', config: { server: { max_upload_bytes: '1 MiB' } } } as const;
// Longer than any test: an index run happens only when a client waits for it.
const NO_RUN_UNASKED = {
  front: 'none',
  config: { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 } },
} as const;

const LARGE_PAYLOAD_BYTES = (isLongRun ? 2048 : 384) * 1024 ** 2;
const CHUNK = Buffer.alloc(1024 * 1024);
/** What Node takes when it runs from sources (140 MB) and lets pile up between two collections; far below the package. */
const MAX_RESIDENT_KIB = 200_000_000 / 1024;

async function fileWith(site: Site, name: string, bytes: Uint8Array): Promise<string> {
  const path = join(site.workDir, name);
  await writeFile(path, bytes);
  return path;
}

async function expectNothingLeft(site: Site): Promise<void> {
  await eventually(async () => expect(await site.leftovers()).toEqual([]));
}

async function expectNothingStored(site: Site, before: readonly string[]): Promise<void> {
  await expectNothingLeft(site);
  expect(await storedIn(site.storageDir)).toEqual(before);
}

describe('the service alone', () => {
  const shared = shareSite(() => startSite(ALONE));

  describe('hosts', () => {
    test('dnf and zypper install from the service itself what curl uploaded to it', async () => {
      const site = shared();
      const file = await buildRpm({ name: 'installed', files: { [INSTALLED_FILE]: 'data' } }, site.workDir);
      const answer = await runCurl('-T', file, `${site.baseUrl}/upload/?wait=50`);
      const url = `${site.baseUrl}/repo/9/x86_64/Packages/installed-1.0-1.el9.noarch.rpm`;
      expect(answer).toMatchObject({
        status: 201,
        body: `OK - Accessible as ${url} - in the index of 9/x86_64, 9/aarch64\n`,
      });
      expect((await sendRequest(site.baseUrl, { path: new URL(url).pathname })).bytes).toEqual(
        await readFile(file),
      );

      const repositoryUrl = `${site.baseUrl}/repo/9/x86_64/`;
      const dnfHost = { root: join(site.workDir, 'dnf'), repositoryUrl };
      expect(await dnfMakecache(dnfHost)).toMatchObject({ exitCode: 0 });
      expect(await dnfInstall(dnfHost, 'installed')).toMatchObject({ exitCode: 0 });
      const zypperHost = { root: join(site.workDir, 'zypper'), repositoryUrl };
      expect(await zypperAddRepository(zypperHost)).toMatchObject({ exitCode: 0 });
      expect(await zypperRefresh(zypperHost)).toMatchObject({ exitCode: 0 });
      expect(await zypperInstall(zypperHost, 'installed')).toMatchObject({ exitCode: 0 });
      for (const { root } of [dnfHost, zypperHost]) {
        await expect(readFile(join(root, INSTALLED_FILE), 'utf8')).resolves.toBe('data');
      }
      await expectNothingLeft(site);
    });

    test('thirty uploads at once are all acknowledged and all in the index', async () => {
      const site = shared();
      const packages = Array.from({ length: 30 }, (_, number) => craftRpm({ name: `many${number}` }));
      const answers = await Promise.all(
        packages.map((bytes) => putPackage(site.baseUrl, bytes, 'releasever=7&wait=50')),
      );
      expect(answers.map(({ status }) => status)).toEqual(packages.map(() => 201));
      const index = await readIndex(readerOverHttp(site.baseUrl, '7/x86_64'));
      expect([...index.packages.values()].toSorted()).toEqual(packages.map(sha256Of).toSorted());
      await expectNothingLeft(site);
    });
  });

  describe('a form (curl -F)', () => {
    async function sendForm(
      site: Site,
      ...options: readonly string[]
    ): Promise<{ status: number; body: string }> {
      const good = await fileWith(site, 'good.rpm', craftRpm({ name: 'good' }));
      const bad = await fileWith(site, 'bad.rpm', Buffer.from('no package'));
      const better = await fileWith(
        site,
        'better.rpm',
        craftRpm({ name: 'better', payload: Buffer.alloc(300_000, 'x') }),
      );
      const parts = [good, bad, better].flatMap((path, index) => ['-F', `file${index}=@${path}`]);
      return runCurl(...parts, ...options, `${site.baseUrl}/upload?wait=50`);
    }

    test('with one bad file among good ones is answered 207 with a result for each', async () => {
      const site = shared();
      const answer = await sendForm(site, '-H', 'Accept: application/json');
      expect(answer.status).toBe(207);
      expect(JSON.parse(answer.body)).toMatchObject({
        results: [
          { file: 'good.rpm', status: 201, outcome: 'created', places: [{ state: 'published' }] },
          { file: 'bad.rpm', status: 400, code: 'RPM_MALFORMED' },
          { file: 'better.rpm', status: 201, outcome: 'created', places: [{ state: 'published' }] },
        ],
      });
      await expectNothingLeft(site);
      const again = await sendForm(site);
      const [first, second, third] = again.body.split('\n');
      expect(first).toMatch(
        /^OK - Accessible as http.*good-1\.0-1\.el9\.x86_64\.rpm - in the index of 9\/x86_64$/,
      );
      expect(second).toMatch(/^ERROR RPM_MALFORMED: /);
      expect(third).toMatch(
        /^OK - Accessible as http.*better-1\.0-1\.el9\.x86_64\.rpm - in the index of 9\/x86_64$/,
      );
    });

    test('that is cut in the middle of a file leaves nothing behind', async () => {
      const site = shared();
      const before = await storedIn(site.storageDir);
      const head = '--b\r\nContent-Disposition: form-data; name="f"; filename="a.rpm"\r\n\r\n';
      const lines = [
        'POST /upload HTTP/1.1',
        'Host: repo',
        'Content-Type: multipart/form-data; boundary=b',
        'Content-Length: 9000000',
      ];
      const bytes = `${lines.join('\r\n')}\r\n\r\n${head}${'x'.repeat(2_000_000)}`;
      for (let number = 0; number < LEAVING_CLIENTS; number += 1) {
        await sendAndLeave(site.baseUrl, Buffer.from(bytes));
      }
      await expectNothingStored(site, before);
    });
  });

  describe('a body that is too large', () => {
    const upTo1MiB = shareSite(() => startSite(UP_TO_1_MIB));

    test('is refused before a client that asks (Expect: 100-continue) has sent any of it', async () => {
      const site = upTo1MiB();
      const before = await storedIn(site.storageDir);
      const socket = await openSocket(site.baseUrl);
      socket.write(putHeader(1024 * 1024 + 1, '', ['Expect: 100-continue']));
      const answer = await readToEnd(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      expect(answer).toContain('ERROR UPLOAD_TOO_LARGE');

      const file = await fileWith(site, 'large.rpm', craftRpm({ payload: randomBytes(2_000_000) }));
      expect(await runCurl('-T', file, `${site.baseUrl}/upload/`)).toMatchObject({
        status: 413,
        sentBytes: 0,
      });
      await expectNothingStored(site, before);
    });

    test('is refused without announcing its length, too', async () => {
      const site = upTo1MiB();
      const before = await storedIn(site.storageDir);
      const file = await fileWith(site, 'large.rpm', craftRpm({ payload: randomBytes(5_000_000) }));
      const answer = await runCurl('-T', file, '-H', 'Transfer-Encoding: chunked', `${site.baseUrl}/upload/`);
      expect(answer).toMatchObject({ status: 413 });
      expect(answer.body).toContain('ERROR UPLOAD_TOO_LARGE');
      await expectNothingStored(site, before);
    });

    test('is refused as a file of a form, and the others are taken', async () => {
      const site = upTo1MiB();
      const large = await fileWith(site, 'large.rpm', craftRpm({ payload: randomBytes(3_000_000) }));
      const small = await fileWith(site, 'small.rpm', craftRpm());
      const answer = await runCurl(
        '-HAccept: application/json',
        `-Fa=@${large}`,
        `-Fb=@${small}`,
        `${site.baseUrl}/upload`,
      );
      expect(answer.status).toBe(207);
      expect(JSON.parse(answer.body)).toMatchObject({
        results: [{ status: 413, code: 'UPLOAD_TOO_LARGE' }, { status: 201 }],
      });
      await expectNothingLeft(site);
    });

    test('a body of exactly the limit is taken, and a client that asks is told to go on', async () => {
      const site = upTo1MiB();
      const envelopeBytes = craftRpm({ name: 'exact', payload: Buffer.alloc(0) }).length;
      const bytes = craftRpm({ name: 'exact', payload: randomBytes(1024 * 1024 - envelopeBytes) });
      expect(bytes.length).toBe(1024 * 1024);
      const socket = await openSocket(site.baseUrl);
      socket.once('data', () => socket.write(bytes));
      socket.write(putHeader(bytes.length, '', ['Expect: 100-continue']));
      expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
    });
  });

  describe('clients that go away', () => {
    test('a client that leaves in the middle of its body leaves nothing behind', async () => {
      const site = shared();
      const before = await storedIn(site.storageDir);
      const bytes = craftRpm({ payload: randomBytes(3_000_000) });
      const half = bytes.subarray(0, bytes.length / 2);
      for (let number = 0; number < LEAVING_CLIENTS; number += 1) {
        await sendAndLeave(site.baseUrl, Buffer.concat([putHeader(bytes.length), half]));
      }
      await expectNothingStored(site, before);
    });

    test('a client that leaves as soon as it has sent everything leaves nothing in spool and incoming', async () => {
      const site = shared();
      for (let number = 0; number < LEAVING_CLIENTS; number += 1) {
        const bytes = craftRpm({ name: `left${number}` });
        await sendAndLeave(site.baseUrl, Buffer.concat([putHeader(bytes.length), bytes]));
      }
      await expectNothingLeft(site);
    });

    test('a body that ends early, with the connection still open for the answer, is refused', async () => {
      const site = shared();
      const before = await storedIn(site.storageDir);
      const bytes = craftRpm({ payload: randomBytes(100_000) });
      const socket = await openSocket(site.baseUrl);
      socket.end(Buffer.concat([putHeader(bytes.length), bytes.subarray(0, -1)]));
      expect(await readToEnd(socket)).not.toMatch(/^HTTP\/1\.1 2/);
      await expectNothingStored(site, before);
    });
  });

  describe('digests that the client sends', () => {
    const digestOf = (algorithm: string, bytes: Uint8Array | string): string =>
      createHash(algorithm).update(bytes).digest('base64');
    const wrong = digestOf('sha256', 'other');

    test('are right or of an unknown algorithm, and the package is taken', async () => {
      const site = shared();
      const headersFor: readonly ((bytes: Buffer) => Record<string, string>)[] = [
        (bytes) => ({ 'content-digest': `sha-256=:${digestOf('sha256', bytes)}:` }),
        (bytes) => ({
          'content-digest': `sha-512=:${digestOf('sha512', bytes)}:, sha-256=:${digestOf('sha256', bytes)}:`,
        }),
        () => ({ 'content-digest': 'unixsum=:AAAA:' }),
        (bytes) => ({ 'repr-digest': `sha-512=:${digestOf('sha512', bytes)}:` }),
        (bytes) => ({ 'x-checksum-sha256': sha256Of(bytes) }),
        (bytes) => ({ 'x-checksum-sha256': sha256Of(bytes).toUpperCase() }),
      ];
      for (const [number, headers] of headersFor.entries()) {
        const bytes = craftRpm({ name: `right${number}` });
        expect(await putPackage(site.baseUrl, bytes, '', headers(bytes))).toMatchObject({ status: 201 });
      }
    });

    test('are wrong or unreadable, and nothing of the body stays', async () => {
      const site = shared();
      const before = await storedIn(site.storageDir);
      const bytes = craftRpm({ name: 'wrong' });
      const right = digestOf('sha256', bytes);
      const refusals = [
        [{ 'content-digest': `sha-256=:${wrong}:` }, 'DIGEST_MISMATCH'],
        [{ 'repr-digest': `sha-256=:${right}:`, 'content-digest': `sha-256=:${wrong}:` }, 'DIGEST_MISMATCH'],
        [{ 'x-checksum-sha256': sha256Of(Buffer.from('other')) }, 'DIGEST_MISMATCH'],
        [{ 'content-digest': 'sha-256=:AAAA:' }, 'DIGEST_INVALID'],
        [{ 'x-checksum-sha256': 'abc' }, 'DIGEST_INVALID'],
      ] as const;
      for (const [headers, code] of refusals) {
        const refused = await putPackage(site.baseUrl, bytes, '', headers);
        expect(refused.json()).toMatchObject({ status: 400, code });
      }
      await expectNothingStored(site, before);
    });
  });

  describe(`a package of ${LARGE_PAYLOAD_BYTES / 1024 ** 2} MiB`, () => {
    test.skipIf(lacks('disk space'))(
      'passes through without the service growing beyond 200 MB (needs disk space)',
      async () => {
        await using site = await startSite(NO_RUN_UNASKED);
        const head = largePackageHead();
        const answer = await sendRequest(site.baseUrl, {
          method: 'PUT',
          path: '/upload',
          headers: { 'content-length': head.length + LARGE_PAYLOAD_BYTES, accept: 'application/json' },
          body: Readable.from(largePackage(head)),
        });
        expect(answer.json()).toMatchObject({
          outcome: 'created',
          sizeBytes: head.length + LARGE_PAYLOAD_BYTES,
        });
        const status = await readFile(`/proc/${site.service.pid}/status`, 'utf8');
        expect(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1])).toBeLessThan(MAX_RESIDENT_KIB);
      },
      180_000,
    );
  });

  /** Everything before the payload, which is of zeros. */
  function largePackageHead(): Buffer {
    const hash = createHash('sha256');
    for (let done = 0; done < LARGE_PAYLOAD_BYTES; done += CHUNK.length) hash.update(CHUNK);
    const withLargePayload = (tags: readonly CraftTag[]): readonly CraftTag[] => {
      const size = tags.find(({ tag }) => tag === SignatureTag.SIZE)?.data.readUInt32BE() ?? 0;
      return replaceTags(int32Tag(SignatureTag.SIZE, [size + LARGE_PAYLOAD_BYTES]))(tags);
    };
    return craftRpm({
      name: 'large',
      payload: Buffer.alloc(0),
      editHeader: replaceTags(stringArrayTag(Tag.PAYLOADSHA256, [hash.digest('hex')])),
      editSignature: (tags) => withLargePayload(dropTags(SignatureTag.MD5)(tags)),
    });
  }

  function* largePackage(head: Buffer): Generator<Buffer> {
    yield head;
    for (let done = 0; done < LARGE_PAYLOAD_BYTES; done += CHUNK.length) yield CHUNK;
  }

  describe('/repo', () => {
    test('gives ranges of a package', async () => {
      const site = shared();
      const bytes = craftRpm();
      await putPackage(site.baseUrl, bytes);
      const ranges = [
        ['bytes=0-99', bytes.subarray(0, 100)],
        ['bytes=100-', bytes.subarray(100)],
        ['bytes=-10', bytes.subarray(-10)],
      ] as const;
      for (const [range, expected] of ranges) {
        const part = await sendRequest(site.baseUrl, { path: LOCATION, headers: { range } });
        expect(part.status).toBe(206);
        expect(part.bytes.equals(expected)).toBe(true);
      }
      const range = 'bytes=99999999-';
      const beyond = await sendRequest(site.baseUrl, { path: LOCATION, headers: { range } });
      expect(beyond.status).toBe(416);
      expect(beyond.text).toMatch(/^ERROR RANGE_NOT_SATISFIABLE: /);
      expect(beyond.headers['cache-control']).toBe('no-store');
    });

    test('answers HEAD like GET without the body, and 304 to a client that has the package already', async () => {
      const site = shared();
      const bytes = craftRpm();
      await putPackage(site.baseUrl, bytes);
      const full = await sendRequest(site.baseUrl, { path: LOCATION });
      expect(full.headers).toMatchObject({
        'content-type': 'application/x-rpm',
        'content-length': String(bytes.length),
        'cache-control': 'max-age=31536000, immutable',
        'accept-ranges': 'bytes',
      });
      const head = await sendRequest(site.baseUrl, { method: 'HEAD', path: LOCATION });
      expect(head.bytes).toHaveLength(0);
      const { date: _date, ...stableHeaders } = full.headers;
      expect(head.headers).toMatchObject(stableHeaders);
      for (const headers of [
        { 'if-none-match': full.headers.etag },
        { 'if-modified-since': full.headers['last-modified'] },
      ]) {
        const unchanged = await sendRequest(site.baseUrl, { path: LOCATION, headers });
        expect(unchanged).toMatchObject({ status: 304 });
        expect(unchanged.bytes).toHaveLength(0);
      }
    });

    test('answers 304 for repomd.xml only until the next index is published, also within a second', async () => {
      const site = shared();
      const path = '/repo/9/x86_64/repodata/repomd.xml';
      const etags = new Set<string | undefined>();
      for (let number = 0; number < 5; number += 1) {
        await putPackage(site.baseUrl, craftRpm({ name: `number${number}` }), 'wait=50');
        const { headers } = await sendRequest(site.baseUrl, { path });
        expect(headers['cache-control']).toBe('no-cache');
        etags.add(headers.etag);
        const again = await sendRequest(site.baseUrl, { path, headers: { 'if-none-match': headers.etag } });
        expect(again.status).toBe(304);
      }
      expect(etags.size).toBe(5);
    });

    test('leads nowhere outside of the tree and to no name with a leading dot', async () => {
      const site = shared();
      await putPackage(site.baseUrl, craftRpm());
      await mkdir(join(site.storageDir, '9/.secret'));
      await writeFile(join(site.storageDir, '9/.secret/file'), 'secret');
      await writeFile(join(site.storageDir, '9/x86_64/.hidden'), 'secret');
      for (const path of [
        '/repo/../state/owner.json',
        '/repo/%2e%2e/state/owner.json',
        '/repo/..%2fstate%2fowner.json',
        '/repo/%2e%2e%2fstate%2fowner.json',
        '/repo/9/x86_64/../../../state/owner.json',
        '/repo/9/x86_64/%252e%252e/%252e%252e/%252e%252e/state/owner.json',
        '/repo/..\\state\\owner.json',
        '/repo/9/x86_64/.hidden',
        '/repo/9/x86_64/%2ehidden',
        '/repo/9/.secret/file',
      ]) {
        const answer = await sendRequest(site.baseUrl, { path });
        expect({ path, status: answer.status }).toEqual({ path, status: 404 });
        expect(answer.text).toMatch(/^ERROR NOT_FOUND: /);
      }
    });

    test('serves no symbolic link and lists none, nor names with a leading dot', async () => {
      const site = shared();
      await putPackage(site.baseUrl, craftRpm());
      const repositoryDir = join(site.storageDir, '9/x86_64');
      await symlink('/etc/passwd', join(repositoryDir, 'file-link'));
      await symlink('/etc', join(repositoryDir, 'directory-link'));
      await symlink('Packages', join(repositoryDir, 'inner-link'));
      await writeFile(join(repositoryDir, '.hidden'), 'secret');
      for (const path of ['file-link', 'directory-link/passwd', 'directory-link/', 'inner-link/']) {
        expect((await sendRequest(site.baseUrl, { path: `/repo/9/x86_64/${path}` })).status).toBe(404);
      }
      const listing = await sendRequest(site.baseUrl, { path: '/repo/9/x86_64/' });
      expect(listing.headers['content-type']).toMatch(/^text\/html/);
      const links = [...listing.text.matchAll(/<td><a href="([^"]+)"/g)].map(([, href]) => href);
      expect(links).toEqual(['../', './Packages/', './repodata/', './mirrorlist']);
    });

    test('lists directories from the top down to the package, following only links on the pages', async () => {
      const site = shared();
      const bytes = craftRpm({ name: 'c++-tools' });
      await putPackage(site.baseUrl, bytes);
      let url = new URL('/', site.baseUrl);
      for (const label of ['', '9/', 'x86_64/', 'Packages/', 'c++-tools-1.0-1.el9.x86_64.rpm']) {
        if (label !== '') url = await followLink(url, label);
        const answer = await sendRequest(site.baseUrl, { path: url.pathname });
        if (answer.headers.location !== undefined) url = new URL(answer.headers.location, url);
      }
      const download = await sendRequest(site.baseUrl, { path: url.pathname });
      expect(download.bytes.equals(bytes)).toBe(true);
      const withoutSlash = await sendRequest(site.baseUrl, { path: '/repo/9/x86_64' });
      expect(withoutSlash).toMatchObject({ status: 301, headers: { location: '/repo/9/x86_64/' } });
    });

    async function followLink(page: URL, label: string): Promise<URL> {
      const { text } = await sendRequest(page.origin, { path: page.pathname });
      const found = [...text.matchAll(/<a href="([^"]+)">([^<]+)</g)].find(([, , shown]) => shown === label);
      return new URL(found?.[1] ?? `no-link-called-${label}`, page);
    }
  });
});

test('started with another umask it still serves what every client may read, and keeps secrets', async () => {
  await using site = await startSite({ ...ALONE, wrapper: ['sh', '-c', 'umask 077; exec "$@"', 'sh'] });
  const { status } = await putPackage(site.baseUrl, craftRpm(), 'wait=30');
  expect(status).toBe(201);
  const modeOf = async (path: string): Promise<number> => (await stat(join(site.root, path))).mode & 0o777;
  for (const name of ['9', '9/x86_64', '9/x86_64/Packages', '9/x86_64/repodata'])
    expect(await modeOf(`storage/${name}`), name).toBe(0o755);
  expect(await modeOf('state/local-token')).toBe(0o600);
  expect(await modeOf('state/audit.log')).toBe(0o640);
});
