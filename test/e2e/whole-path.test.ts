import { randomBytes } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildRpm } from '../support/build-rpm.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { runCurl } from '../support/run-curl.ts';
import { dnfInstall, dnfMakecache, dnfRepoquery } from '../support/run-dnf.ts';
import { openSocket, putHeader, sendAndLeave } from '../support/raw-socket.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { shareSite } from '../support/share-site.ts';
import { storedIn } from '../support/stored-in.ts';
import { ENGINES, withEngine } from '../support/with-engine.ts';
import { zypperAddRepository, zypperInstall, zypperRefresh, zypperSearch } from '../support/run-zypper.ts';
import { type HttpAnswer, putPackage, sendRequest, sha256Of } from '../support/send-request.ts';

const LIBRARY_FILE = '/usr/share/library/data';
const APPLICATION_FILE = '/usr/bin/application';
const PARALLEL_UPLOADS = 30;
const LEAVING_CLIENTS = 30;

// Longer than any test: an index run happens only when a client waits for it.
const NO_RUN_UNASKED = { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 } };

/** A file to upload, in the site's own directory. */
async function packageFile(site: Site, spec: Parameters<typeof craftRpm>[0]): Promise<string> {
  const path = join(site.workDir, 'package.rpm');
  await writeFile(path, craftRpm(spec));
  return path;
}

/** Two packages of which one requires the other, uploaded with curl; the second one waits until both can be installed. */
async function uploadApplication(site: Site): Promise<void> {
  const library = await buildRpm(
    { name: 'library', epoch: 2, files: { [LIBRARY_FILE]: 'data' } },
    site.workDir,
  );
  const application = await buildRpm(
    {
      name: 'application',
      version: '2.1~rc1',
      arch: 'x86_64',
      requires: ['library >= 2:1.0'],
      files: { [APPLICATION_FILE]: 'program' },
    },
    site.workDir,
  );
  expect(await runCurl('-T', library, `${site.baseUrl}/upload/`)).toMatchObject({ status: 201 });
  const last = await runCurl('-T', application, `${site.baseUrl}/upload?wait=50`);
  expect(last).toMatchObject({ status: 201 });
}

async function stateOf(site: Site, repository: string): Promise<unknown> {
  return (await sendRequest(site.baseUrl, { path: `/api/v1/repositories/${repository}` })).json();
}

function countStatuses(answers: readonly HttpAnswer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

describe('an upload through nginx', () => {
  const shared = shareSite(() => startSite());

  test.each([
    ['/upload', 'plain'],
    ['/upload/', 'slash'],
    ['/upload/x.rpm', 'named'],
  ])('an upload to %s is answered with a URL that gives the same bytes', async (path, name) => {
    const site = shared();
    const file = await packageFile(site, { name, version: '3', release: '1.el9' });
    const answer = await runCurl('-T', file, `${site.baseUrl}${path}`);
    const url = `${site.baseUrl}/repo/9/x86_64/Packages/${name}-3-1.el9.x86_64.rpm`;
    expect(answer).toMatchObject({
      status: 201,
      body: `OK - Accessible as ${url} - in the index of 9/x86_64 in a moment, ?wait=30 waits\n`,
    });
    const download = await sendRequest(site.baseUrl, { path: new URL(url).pathname });
    expect(download.status).toBe(200);
    expect(download.bytes.equals(await readFile(file))).toBe(true);
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('a form (curl -F) passes through nginx to the service, which takes every file of it', async () => {
    const site = shared();
    const first = craftRpm({ name: 'first' });
    const second = craftRpm({ name: 'second', payload: Buffer.alloc(2_000_000, 'x') });
    await writeFile(join(site.workDir, 'first.rpm'), first);
    await writeFile(join(site.workDir, 'second.rpm'), second);
    const parts = ['first', 'second'].map((name) => `-F${name}=@${join(site.workDir, name)}.rpm`);
    expect(await runCurl(...parts, `${site.baseUrl}/upload?wait=50`)).toMatchObject({ status: 201 });
    const index = await readIndex(readerOverHttp(site.baseUrl, '9/x86_64'));
    for (const bytes of [first, second]) expect([...index.packages.values()]).toContain(sha256Of(bytes));
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('the answer is JSON when the client accepts that', async () => {
    const site = shared();
    const file = await packageFile(site, { name: 'asked' });
    const answer = await runCurl(
      '-T',
      file,
      '-H',
      'Accept: application/json',
      `${site.baseUrl}/upload?wait=50`,
    );
    expect(answer.status).toBe(201);
    expect(JSON.parse(answer.body)).toEqual({
      outcome: 'created',
      nevra: 'asked-1.0-1.el9.x86_64',
      sha256: sha256Of(await readFile(file)),
      sizeBytes: (await stat(file)).size,
      places: [
        {
          repository: '9/x86_64',
          location: 'Packages/asked-1.0-1.el9.x86_64.rpm',
          url: `${site.baseUrl}/repo/9/x86_64/Packages/asked-1.0-1.el9.x86_64.rpm`,
          state: 'published',
          signature: { state: 'unsigned' },
        },
      ],
    });
  });

  test('a file that is no package is refused with a code and leaves nothing behind', async () => {
    const site = shared();
    const before = await storedIn(site.storageDir);
    const file = join(site.workDir, 'text.rpm');
    await writeFile(file, '# not a package\n'.repeat(1000));
    const answer = await runCurl('-T', file, `${site.baseUrl}/upload/`);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(/^ERROR RPM_MALFORMED: .+ \(.+\)\n$/);
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
    expect(await storedIn(site.storageDir)).toEqual(before);
  });

  test('the same package sent ten times at once is created once and unchanged nine times', async () => {
    const site = shared();
    const bytes = craftRpm({ name: 'same' });
    const answers = await Promise.all(Array.from({ length: 10 }, () => putPackage(site.baseUrl, bytes)));
    expect(countStatuses(answers)).toEqual({ 200: 9, 201: 1 });
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('other bytes under one file name, sent at once, are stored once and refused for all others', async () => {
    const site = shared();
    const variants = Array.from({ length: 10 }, (_, number) =>
      craftRpm({ name: 'variant', summary: `variant ${number}` }),
    );
    const answers = await Promise.all(variants.map((bytes) => putPackage(site.baseUrl, bytes)));
    expect(countStatuses(answers)).toEqual({ 201: 1, 409: 9 });
    const stored = await readFile(join(site.storageDir, '9/x86_64/Packages/variant-1.0-1.el9.x86_64.rpm'));
    expect(answers[variants.findIndex((bytes) => bytes.equals(stored))]?.status).toBe(201);
  });

  test('other bytes under the same NEVRA answer 409 with both digests, and the stored bytes stay', async () => {
    const site = shared();
    const stored = craftRpm({ name: 'kept', summary: 'first' });
    const other = craftRpm({ name: 'kept', summary: 'second' });
    await putPackage(site.baseUrl, stored);
    const refused = await putPackage(site.baseUrl, other);
    expect(refused.json()).toMatchObject({
      status: 409,
      code: 'PACKAGE_CONFLICT',
      storedSha256: sha256Of(stored),
      sentSha256: sha256Of(other),
    });
    const file = join(site.workDir, 'other.rpm');
    await writeFile(file, other);
    const line = await runCurl('-T', file, `${site.baseUrl}/upload/`);
    expect(line.body).toMatch(/^ERROR PACKAGE_CONFLICT: /);
    expect(line.body).toContain(sha256Of(stored));
    expect(line.body).toContain(sha256Of(other));
    const path = '/repo/9/x86_64/Packages/kept-1.0-1.el9.x86_64.rpm';
    expect((await sendRequest(site.baseUrl, { path })).bytes.equals(stored)).toBe(true);
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('two epochs of one version meet at one file name and the 409 names both', async () => {
    const site = shared();
    await putPackage(site.baseUrl, craftRpm({ name: 'epochs', epoch: 1 }));
    const refused = await putPackage(site.baseUrl, craftRpm({ name: 'epochs', epoch: 2 }));
    expect(refused.json()).toMatchObject({
      status: 409,
      code: 'PACKAGE_CONFLICT',
      storedNevra: 'epochs-1:1.0-1.el9.x86_64',
      sentNevra: 'epochs-2:1.0-1.el9.x86_64',
    });
  });

  test('a noarch package is one file in the repository of each basearch, and dnf finds it in both', async () => {
    const site = shared();
    const answer = await putPackage(
      site.baseUrl,
      craftRpm({ name: 'anywhere', release: '1.el8', arch: 'noarch' }),
      'wait=50',
    );
    expect(answer.json()).toMatchObject({
      places: [
        { repository: '8/x86_64', state: 'published' },
        { repository: '8/aarch64', state: 'published' },
      ],
    });
    const inodes = new Set<number>();
    for (const basearch of ['x86_64', 'aarch64']) {
      const repositoryUrl = `${site.baseUrl}/repo/8/${basearch}/`;
      const host = { root: join(site.workDir, basearch), repositoryUrl, basearch };
      const query = await dnfRepoquery(host);
      expect(query).toMatchObject({ exitCode: 0, stdout: 'anywhere-0:1.0-1.el8.noarch' });
      const path = join(site.storageDir, `8/${basearch}/Packages/anywhere-1.0-1.el8.noarch.rpm`);
      inodes.add((await stat(path)).ino);
    }
    expect(inodes.size).toBe(1);
  });

  test('a source package goes to SRPMS', async () => {
    const site = shared();
    const file = await buildRpm({ name: 'origin', isSource: true }, site.workDir);
    const answer = await runCurl('-T', file, `${site.baseUrl}/upload?wait=50`);
    const url = `${site.baseUrl}/repo/9/SRPMS/Packages/origin-1.0-1.el9.src.rpm`;
    expect(answer).toMatchObject({
      status: 201,
      body: `OK - Accessible as ${url} - in the index of 9/SRPMS\n`,
    });
    const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/9/SRPMS/` };
    expect(await dnfRepoquery(host)).toMatchObject({ exitCode: 0, stdout: 'origin-0:1.0-1.el9.src' });
  });

  test('?releasever= decides when the release tag does not, and without either the upload is refused', async () => {
    const site = shared();
    const bytes = craftRpm({ name: 'untagged', release: '1' });
    const refused = await putPackage(site.baseUrl, bytes);
    expect(refused.json()).toMatchObject({ status: 422, code: 'RELEASEVER_UNKNOWN' });
    const accepted = await putPackage(site.baseUrl, bytes, 'releasever=amzn2023');
    expect(accepted.status).toBe(201);
    expect(accepted.json()).toMatchObject({ places: [{ repository: 'amzn2023/x86_64' }] });
  });

  test('digests that the client sends are compared, and a wrong one leaves nothing behind', async () => {
    const site = shared();
    const before = await storedIn(site.storageDir);
    const bytes = craftRpm({ name: 'compared' });
    const right = sha256Of(bytes);
    const wrong = sha256Of(Buffer.from('other'));
    const refused = await putPackage(site.baseUrl, bytes, '', { 'x-checksum-sha256': wrong });
    expect(refused.json()).toMatchObject({ status: 400, code: 'DIGEST_MISMATCH' });
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
    expect(await storedIn(site.storageDir)).toEqual(before);
    expect(await putPackage(site.baseUrl, bytes, '', { 'x-checksum-sha256': right })).toMatchObject({
      status: 201,
    });
  });

  test('a client that leaves in the middle of its body leaves nothing behind', async () => {
    const site = shared();
    const before = await storedIn(site.storageDir);
    const bytes = craftRpm({ payload: randomBytes(600_000) });
    const half = bytes.subarray(0, bytes.length / 2);
    for (let number = 0; number < LEAVING_CLIENTS; number += 1) {
      await sendAndLeave(site.baseUrl, Buffer.concat([putHeader(bytes.length), half]));
    }
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
    expect(await storedIn(site.storageDir)).toEqual(before);
  });

  test('a client that leaves as soon as it has sent everything leaves nothing in spool and incoming', async () => {
    const site = shared();
    for (let number = 0; number < LEAVING_CLIENTS; number += 1) {
      const bytes = craftRpm({ name: `left${number}` });
      await sendAndLeave(site.baseUrl, Buffer.concat([putHeader(bytes.length), bytes]));
    }
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('a client that leaves while it waits leaves nothing in spool and incoming, and its package is published', async () => {
    const site = shared();
    const bytes = craftRpm({ name: 'waiting' });
    const socket = await openSocket(site.baseUrl);
    socket.write(Buffer.concat([putHeader(bytes.length, '?wait=50'), bytes]));
    const path = `/api/v1/uploads/${sha256Of(bytes)}`;
    await eventually(async () => expect((await sendRequest(site.baseUrl, { path })).status).not.toBe(404));
    socket.destroy();
    const settled = await sendRequest(site.baseUrl, { path: `${path}?wait=50` });
    expect(settled.json()).toMatchObject({ places: [{ state: 'published' }] });
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('a repository and its .repo file are served while the service is down, and uploads are told so', async () => {
    const site = shared();
    const bytes = craftRpm({ name: 'early' });
    await putPackage(site.baseUrl, bytes, 'wait=50');
    await site.service.stop();
    const index = await readIndex(readerOverHttp(site.baseUrl, '9/x86_64'));
    expect([...index.packages.values()]).toContain(sha256Of(bytes));
    for (const path of ['/rpmyard.repo', '/repo/9/x86_64.repo']) {
      const repoFile = await sendRequest(site.baseUrl, { path });
      expect(repoFile.text).toContain(`baseurl=${site.baseUrl}/repo/`);
    }
    const refused = await putPackage(site.baseUrl, craftRpm({ name: 'late' }));
    expect(refused.json()).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
    await site.restart();
  });
});

test.each(['nginx', 'none'] as const)(
  'behind %s, a form that is PUT and a package that is POSTed are taken all the same, into each releasever that is named',
  async (front) => {
    await using site = await startSite({ front });
    const sent = async (name: string, ...args: readonly string[]) => {
      const path = join(site.workDir, `${name}.rpm`);
      await writeFile(path, craftRpm({ name, release: '1', payload: Buffer.alloc(1_500_000, name) }));
      const answer = await runCurl(...args.map((arg) => arg.replace('PATH', path)));
      expect([answer.status, answer.body], name).toEqual([201, expect.stringMatching(/^OK - /)]);
      for (const repository of ['9/x86_64', '8/x86_64']) {
        const location = `${repository}/Packages/${name}-1.0-1.x86_64.rpm`;
        expect(sha256Of(await readFile(join(site.storageDir, location)))).toBe(
          sha256Of(await readFile(path)),
        );
      }
    };
    const url = `${site.baseUrl}/upload`;
    const binary = ['--data-binary', '@PATH'];
    await sent('put-form', '-X', 'PUT', '-F', 'file=@PATH', '-F', 'releasever=9,8', url);
    await sent('post-form', '-F', 'file=@PATH', '-F', 'releasever=9,8', url);
    await sent('post', ...binary, `${url}?releasever=9,8`);
    await sent('post-typed', ...binary, '-H', 'Content-Type: application/x-rpm', `${url}?releasever=9,8`);
    await sent('post-untyped', ...binary, '-H', 'Content-Type:', `${url}?releasever=9,8`);
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  },
);

describe('an index that is only made for an upload that waits', () => {
  const shared = shareSite(() => startSite({ config: NO_RUN_UNASKED }));

  test('a second upload of the same bytes answers 200 unchanged and does not reindex', async () => {
    const site = shared();
    const bytes = craftRpm({ name: 'again', release: '1.el7' });
    expect(await putPackage(site.baseUrl, bytes, 'wait=50')).toMatchObject({ status: 201 });
    const again = await putPackage(site.baseUrl, bytes, 'wait=50');
    expect(again.status).toBe(200);
    expect(again.json()).toMatchObject({ outcome: 'unchanged', places: [{ state: 'published' }] });
    expect(await stateOf(site, '7/x86_64')).toMatchObject({ state: 'clean', packageCount: 1 });
  });

  test('a 202 names the URL that tells when the package can be installed', async () => {
    const site = shared();
    const answer = await putPackage(site.baseUrl, craftRpm({ name: 'later' }), 'wait=0');
    expect(answer.status).toBe(202);
    const path = String(answer.headers.location);
    expect((await sendRequest(site.baseUrl, { path })).status).toBe(202);
    const settled = await sendRequest(site.baseUrl, { path: `${path}?wait=50` });
    expect(settled.status).toBe(200);
    expect(settled.json()).toMatchObject({ places: [{ repository: '9/x86_64', state: 'published' }] });
  });
});

describe.each(ENGINES)('with the %s engine', (engine) => {
  const shared = shareSite(
    () => startSite(withEngine(engine, { config: NO_RUN_UNASKED })),
    uploadApplication,
  );

  test('what ?wait= answered 201 is installed by dnf, with what it requires', async () => {
    const site = shared();
    const host = { root: join(site.workDir, 'dnf'), repositoryUrl: `${site.baseUrl}/repo/9/x86_64/` };
    expect(await dnfMakecache(host)).toMatchObject({ exitCode: 0 });
    const query = await dnfRepoquery(host);
    expect(query.stdout.split('\n').toSorted()).toEqual([
      'application-0:2.1~rc1-1.el9.x86_64',
      'library-2:1.0-1.el9.noarch',
    ]);
    expect(await dnfInstall(host, 'application')).toMatchObject({ exitCode: 0 });
    await expect(readFile(join(host.root, LIBRARY_FILE), 'utf8')).resolves.toBe('data');
    await expect(readFile(join(host.root, APPLICATION_FILE), 'utf8')).resolves.toBe('program');
  });

  test('what ?wait= answered 201 is installed by zypper, with what it requires', async () => {
    const site = shared();
    const host = { root: join(site.workDir, 'zypper'), repositoryUrl: `${site.baseUrl}/repo/9/x86_64/` };
    expect(await zypperAddRepository(host)).toMatchObject({ exitCode: 0 });
    expect(await zypperRefresh(host)).toMatchObject({ exitCode: 0 });
    expect((await zypperSearch(host)).stdout).toMatch(
      /application +\| package +\| 2\.1~rc1-1\.el9 +\| x86_64/,
    );
    expect(await zypperInstall(host, 'application')).toMatchObject({ exitCode: 0 });
    await expect(readFile(join(host.root, LIBRARY_FILE), 'utf8')).resolves.toBe('data');
    await expect(readFile(join(host.root, APPLICATION_FILE), 'utf8')).resolves.toBe('program');
  });

  test('a 32-bit package is installed from the repository of x86_64, by a host that calls its releasever 8.4', async () => {
    const site = shared();
    const rpm = await buildRpm(
      { name: 'thirty-two', release: '1.el8', arch: 'i686', files: { [LIBRARY_FILE]: 'data' } },
      site.workDir,
    );
    const answer = await runCurl(
      '-H',
      'Accept: application/json',
      '-T',
      rpm,
      `${site.baseUrl}/upload?wait=50`,
    );
    expect(JSON.parse(answer.body)).toMatchObject({
      places: [
        { repository: '8/i386', state: 'published' },
        { repository: '8/x86_64', state: 'published' },
      ],
    });
    const host = {
      root: join(site.workDir, 'host-of-8'),
      repositoryUrl: `${site.baseUrl}/repo/$releasever/$basearch/`,
      releasever: '8.4',
    };
    expect(await dnfInstall(host, 'thirty-two.i686')).toMatchObject({ exitCode: 0 });
    await expect(readFile(join(host.root, LIBRARY_FILE), 'utf8')).resolves.toBe('data');
  });

  test(`${PARALLEL_UPLOADS} at once are all acknowledged and all in the index, and nothing is left in the spool`, async () => {
    const site = shared();
    const packages = Array.from({ length: PARALLEL_UPLOADS }, (_, number) =>
      craftRpm({ name: `many${number}`, arch: number % 3 === 0 ? 'noarch' : 'x86_64' }),
    );
    const answers = await Promise.all(
      packages.map((bytes) => putPackage(site.baseUrl, bytes, 'releasever=7&wait=50')),
    );
    expect(answers.map(({ status }) => status)).toEqual(packages.map(() => 201));
    const index = await readIndex(readerOverHttp(site.baseUrl, '7/x86_64'));
    expect([...index.packages.values()].toSorted()).toEqual(packages.map(sha256Of).toSorted());
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });
});
