import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { Upload } from 'tus-js-client';
import { describe, expect, test } from 'vitest';
import { CI_TOKEN, READER_TOKEN, signedHeaders, startAccessSite } from '../support/access-site.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { startCutLine } from '../support/cut-line.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { openSocket } from '../support/raw-socket.ts';
import { runCurl } from '../support/run-curl.ts';
import { type Front, type Site, startSite } from '../support/run-site.ts';
import { shareSite } from '../support/share-site.ts';
import { type HttpAnswer, putPackage, sendRequest, sha256Of } from '../support/send-request.ts';
import { startOnSmallDisk } from '../support/small-disk.ts';
import { attachStrace, ONE_WORKER_THREAD } from '../support/strace.ts';
import { answerOf, tusUpload } from '../support/tus-upload.ts';

const TUS = { 'tus-resumable': '1.0.0' };
const PIECE = { ...TUS, 'content-type': 'application/offset+octet-stream' };
const FRONTS: readonly Front[] = ['nginx', 'none'];

/** A package that is different each time, of a name that no other test of the site uses. */
const largeRpm = (name: string, payloadBytes = 3_000_000): Buffer =>
  craftRpm({ name, payload: randomBytes(payloadBytes) });

/** Where a package of this name is stored, in the tree and below /repo. */
const storedAt = (name: string): string => `9/x86_64/Packages/${name}-1.0-1.el9.x86_64.rpm`;

/** Begins an upload; its path. */
async function begin(
  baseUrl: string,
  bytes: Uint8Array,
  given: { readonly query?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const headers = { ...TUS, 'upload-length': bytes.length, ...given.headers };
  const path = `/upload/resumable${given.query ?? ''}`;
  const answer = await sendRequest(baseUrl, { method: 'POST', path, headers });
  expect(answer.status).toBe(201);
  return `/upload/${answer.headers.location ?? ''}`;
}

const send = (
  baseUrl: string,
  path: string,
  bytes: Uint8Array,
  offset: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpAnswer> =>
  sendRequest(baseUrl, {
    method: 'PATCH',
    path,
    headers: {
      ...PIECE,
      accept: 'application/json',
      'upload-offset': offset,
      'content-length': bytes.length,
      ...headers,
    },
    body: bytes,
  });

async function offsetOf(baseUrl: string, path: string): Promise<number> {
  const answer = await sendRequest(baseUrl, { method: 'HEAD', path, headers: TUS });
  expect(answer.status).toBe(200);
  return Number(answer.headers['upload-offset']);
}

/** Sends a part of a piece and leaves the connection open, as a line does that died unseen. */
async function sendPart(site: Site, path: string, piece: Uint8Array, sentBytes: number): Promise<() => void> {
  const socket = await openSocket(site.baseUrl);
  socket.on('error', () => undefined);
  const lines = Object.entries({ ...PIECE, 'upload-offset': '0', 'content-length': String(piece.length) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`PATCH ${path} HTTP/1.1\r\nHost: repo\r\n${head}\r\n`);
  socket.write(piece.subarray(0, sentBytes));
  return () => void socket.destroy();
}

/** The ids of the uploads that the service has something of. */
const heldBy = (site: Site): Promise<readonly string[]> => readdir(join(site.stateDir, 'resumable'));

const bodyPath = (site: Pick<Site, 'stateDir'>, path: string): string =>
  join(site.stateDir, 'resumable', path.split('/').at(-1) ?? '', 'body');

/** Waits until the service has received something of an upload. */
const receivedSome = (site: Site, path: string): Promise<void> =>
  eventually(async () => expect((await stat(bodyPath(site, path))).size).toBeGreaterThan(0));

describe.each(FRONTS)('with the front %s', (front) => {
  const shared = shareSite(() => startSite({ front }));

  describe('tus-js-client', () => {
    test('uploads over a line that is cut ten times, and the stored file is the same', async () => {
      const site = shared();
      const bytes = largeRpm('cut');
      const cuts = [1_000, 100_000, 300_000, 3_000, 500_000, 70_000, 200_000, 10_000, 400_000, 50_000];
      await using line = await startCutLine(site.baseUrl, cuts);
      const headers = { 'X-Checksum-Sha256': sha256Of(bytes) };
      const uploaded = await tusUpload(bytes, `${line.baseUrl}/upload/resumable`, { headers });
      expect(line.cutCount).toBe(cuts.length);
      expect(uploaded.status).toBeGreaterThanOrEqual(200);
      expect(sha256Of(await readFile(join(site.storageDir, storedAt('cut'))))).toBe(sha256Of(bytes));
      await eventually(async () => expect(await site.leftovers()).toEqual([]));
    });

    test('in pieces of its own gets the answer of a PUT to the last one', async () => {
      const site = shared();
      const bytes = largeRpm('pieces', 300_000);
      const headers = { Accept: 'application/json' };
      const uploaded = await tusUpload(bytes, `${site.baseUrl}/upload/resumable`, {
        headers,
        chunkSize: 70_000,
      });
      expect(uploaded).toMatchObject({ status: 201, retries: 0 });
      expect(JSON.parse(uploaded.body)).toMatchObject({
        outcome: 'created',
        sha256: sha256Of(bytes),
        sizeBytes: bytes.length,
        places: [{ repository: '9/x86_64' }],
      });
      const again = await tusUpload(bytes, `${site.baseUrl}/upload/resumable`, { headers });
      expect(again.status).toBe(200);
      expect(JSON.parse(again.body)).toMatchObject({ outcome: 'unchanged' });
    });

    test('pauses, and another one goes on from the URL', async () => {
      const site = shared();
      const bytes = largeRpm('paused');
      const paused = Promise.withResolvers<string>();
      const first = new Upload(bytes, {
        endpoint: `${site.baseUrl}/upload/resumable`,
        chunkSize: 1_000_000,
        onChunkComplete: () => {
          first.abort().then(() => paused.resolve(first.url ?? ''), paused.reject);
        },
        onError: paused.reject,
      });
      first.start();
      const uploadUrl = await paused.promise;
      expect(await offsetOf(site.baseUrl, new URL(uploadUrl).pathname)).toBeGreaterThanOrEqual(1_000_000);
      expect(await tusUpload(bytes, '', { uploadUrl })).toMatchObject({ status: 201, retries: 0 });
      expect(sha256Of(await readFile(join(site.storageDir, storedAt('paused'))))).toBe(sha256Of(bytes));
    });

    test('ends an upload for good', async () => {
      const site = shared();
      const path = await begin(site.baseUrl, largeRpm('ended'));
      expect(await heldBy(site)).toContain(path.split('/').at(-1));
      await Upload.terminate(`${site.baseUrl}${path}`);
      expect(await heldBy(site)).not.toContain(path.split('/').at(-1));
    });

    test('gives up for what is no package, with the code of it', async () => {
      const site = shared();
      const before = await heldBy(site);
      const error = await tusUpload(Buffer.from('no package'), `${site.baseUrl}/upload/resumable`).catch(
        (thrown: unknown) => thrown,
      );
      expect(answerOf(error)).toMatchObject({ status: 400, body: expect.stringMatching(/^ERROR RPM_/) });
      expect(await heldBy(site)).toEqual(before);
      await eventually(async () => expect(await site.leftovers()).toEqual([]));
    });
  });

  describe('an upload in pieces', () => {
    test('goes on from a line that died without a word, with what had come over it', async () => {
      const site = shared();
      const bytes = largeRpm('died');
      const path = await begin(site.baseUrl, bytes);
      const leave = await sendPart(site, path, bytes, 1_500_000);
      await receivedSome(site, path);
      const offset = await offsetOf(site.baseUrl, path);
      expect(offset).toBeGreaterThan(0);
      expect(await send(site.baseUrl, path, bytes.subarray(offset), offset)).toMatchObject({ status: 201 });
      expect(sha256Of(await readFile(join(site.storageDir, storedAt('died'))))).toBe(sha256Of(bytes));
      leave();
    });

    test('outlives a killed service', async () => {
      const site = shared();
      const bytes = largeRpm('killed');
      const path = await begin(site.baseUrl, bytes);
      const leave = await sendPart(site, path, bytes, 1_500_000);
      await receivedSome(site, path);
      await site.service.kill();
      leave();
      await site.restart();
      const offset = await offsetOf(site.baseUrl, path);
      expect(offset).toBeGreaterThan(0);
      expect(await send(site.baseUrl, path, bytes.subarray(offset), offset)).toMatchObject({ status: 201 });
      expect(sha256Of(await readFile(join(site.storageDir, storedAt('killed'))))).toBe(sha256Of(bytes));
    });

    test('goes where it said at the beginning, and waits as the last piece says', async () => {
      const site = shared();
      const bytes = craftRpm({ name: 'elsewhere', release: '1' });
      const path = await begin(site.baseUrl, bytes, { query: '?releasever=amzn2023' });
      const answer = await send(site.baseUrl, `${path}?wait=50`, bytes, 0);
      expect(answer.status).toBe(201);
      expect(answer.json()).toMatchObject({
        places: [{ repository: 'amzn2023/x86_64', state: 'published' }],
      });
      expect(await offsetOf(site.baseUrl, path)).toBe(bytes.length);
    });

    test('of another digest than was said is refused, and forgotten', async () => {
      const site = shared();
      const bytes = craftRpm({ name: 'mismatch' });
      const headers = { 'x-checksum-sha256': sha256Of(Buffer.from('other')) };
      const path = await begin(site.baseUrl, bytes, { headers });
      const answer = await send(site.baseUrl, path, bytes, 0);
      expect(answer.json()).toMatchObject({ status: 400, code: 'DIGEST_MISMATCH' });
      expect((await sendRequest(site.baseUrl, { method: 'HEAD', path, headers: TUS })).status).toBe(404);
    });

    test('at a wrong offset is told the right one, over nginx too', async () => {
      const site = shared();
      const bytes = largeRpm('offset');
      const path = await begin(site.baseUrl, bytes);
      await send(site.baseUrl, path, bytes.subarray(0, 1000), 0);
      const answer = await send(site.baseUrl, path, bytes.subarray(0, 1000), 0);
      expect(answer.json()).toMatchObject({ status: 409, code: 'UPLOAD_OFFSET_WRONG', offset: 1000 });
      expect(answer.headers['tus-resumable']).toBe('1.0.0');
    });

    test('sent by two at once becomes one whole file', async () => {
      const site = shared();
      const bytes = largeRpm('twice');
      const path = await begin(site.baseUrl, bytes);
      const uploadUrl = `${site.baseUrl}${path}`;
      const results = await Promise.allSettled([
        tusUpload(bytes, '', { uploadUrl, chunkSize: 200_000 }),
        tusUpload(bytes, '', { uploadUrl, chunkSize: 300_000 }),
      ]);
      expect(results.map(({ status }) => status)).toContain('fulfilled');
      expect(sha256Of(await readFile(join(site.storageDir, storedAt('twice'))))).toBe(sha256Of(bytes));
    });

    test('needs the rights of a PUT', async () => {
      await using site = await startAccessSite(front);
      const bytes = craftRpm();
      const anonymous = await sendRequest(site.baseUrl, {
        method: 'POST',
        path: '/upload/resumable',
        headers: { ...TUS, 'upload-length': bytes.length },
      });
      expect(anonymous.status).toBe(401);
      const reader = { headers: { Authorization: `Bearer ${READER_TOKEN}` } };
      const refused = await tusUpload(bytes, `${site.baseUrl}/upload/resumable`, reader).catch(
        (thrown: unknown) => thrown,
      );
      expect(answerOf(refused).status).toBe(403);
      const headers = { Authorization: `Bearer ${CI_TOKEN}` };
      const elsewhere = await tusUpload(craftRpm({ release: '1.el8' }), `${site.baseUrl}/upload/resumable`, {
        headers,
      }).catch((thrown: unknown) => thrown);
      expect(answerOf(elsewhere)).toMatchObject({ status: 403 });
      expect(await tusUpload(bytes, `${site.baseUrl}/upload/resumable`, { headers })).toMatchObject({
        status: 201,
      });
    });
  });
});

test('the example in docs/http.md goes on where it ended, and ends with the answer of a PUT', async () => {
  await using site = await startSite();
  await writeFile(join(site.workDir, 'pkg.rpm'), largeRpm('example', 300_000));
  const guide = await readFile(new URL('../../docs/http.md', import.meta.url), 'utf8');
  const section = /^## Resumable uploads\n(?<text>[^]*?)^## /m.exec(guide)?.groups?.['text'] ?? '';
  const [beginning = '', goingOn = '', ...others] = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].map(
    ([, block = '']) => block.replaceAll('http://repo.example.com', site.baseUrl),
  );
  expect(others).toEqual([]);
  const partly = goingOn.replace('tail -c "+$((offset + 1))" pkg.rpm', 'head -c 100000 pkg.rpm');
  expect(partly).not.toBe(goingOn);
  const script = ['set -eu', beginning, partly, goingOn, 'echo "went on at $offset"'].join('\n');
  const { stdout } = await execa('sh', ['-c', script], { cwd: site.workDir, env: { HOME: '/nonexistent' } });
  expect(stdout).toBe(
    `OK - Accessible as ${site.baseUrl}/repo/${storedAt('example')} - in the index of 9/x86_64\nwent on at 100000`,
  );
});

test('a signed upload can be resumed with curl', async () => {
  await using site = await startAccessSite('nginx');
  const bytes = largeRpm('signed', 200_000);
  const sign = (method: string, url: string, sha256: string): readonly string[] => [
    ...signedHeaders({ method, url, sha256 }),
    '-HTus-Resumable: 1.0.0',
  ];
  const head = await execa('curl', [
    '-sSi',
    '-XPOST',
    `-HUpload-Length: ${bytes.length}`,
    ...sign('POST', '/upload/resumable', sha256Of(bytes)),
    `${site.baseUrl}/upload/resumable`,
  ]);
  const path = `/upload/${/^location: (\S+)/im.exec(head.stdout)?.[1] ?? ''}`;
  for (const [start, end] of [
    [0, 90_000],
    [90_000, bytes.length],
  ] as const) {
    const piece = bytes.subarray(start, end);
    const file = join(site.workDir, 'piece');
    await writeFile(file, piece);
    const answer = await runCurl(
      '-XPATCH',
      `-T${file}`,
      `-HUpload-Offset: ${start}`,
      '-HContent-Type: application/offset+octet-stream',
      ...sign('PATCH', path, sha256Of(piece)),
      `${site.baseUrl}${path}`,
    );
    expect(answer.status).toBe(end === bytes.length ? 201 : 204);
  }
  expect(sha256Of(await readFile(join(site.storageDir, storedAt('signed'))))).toBe(sha256Of(bytes));
});

describe.skipIf(lacks('strace'))(
  'a service that is killed while it takes the last piece (needs strace)',
  () => {
    test.each([
      ['link', 2],
      ['rename', 1],
      ['unlink', 1],
    ])(
      'at any %s (%i or more) never changes what it published, and the last byte brings the rest about',
      async (syscall, atLeast) => {
        await using site = await startSite({ front: 'none', env: ONE_WORKER_THREAD });
        let kills = 0;
        for (let nth = 1; nth < 20; nth += 1) {
          const bytes = craftRpm({ name: `kill${nth}` });
          const stored = join(site.storageDir, `9/x86_64/Packages/kill${nth}-1.0-1.el9.x86_64.rpm`);
          const path = await begin(site.baseUrl, bytes);
          const { service } = site;
          const inject = `${syscall}:signal=KILL:when=${nth}`;
          const trace = await attachStrace(service.pid, {
            syscalls: syscall,
            inject,
            isWithoutChildren: true,
          });
          const isAnswered = await send(site.baseUrl, path, bytes, 0).then(
            () => true,
            () => false,
          );
          if (isAnswered) {
            await trace.stop().catch(() => undefined);
            break;
          }
          kills += 1;
          await trace.whenEnded();
          const before = existsSync(stored) ? await readFile(stored) : bytes;
          await site.restart();
          const offset = await offsetOf(site.baseUrl, path);
          // 204: it was accepted before the kill.
          const answer = await send(site.baseUrl, path, bytes.subarray(offset), offset);
          expect([200, 201, 204]).toContain(answer.status);
          expect(before.equals(bytes)).toBe(true);
          expect((await readFile(stored)).equals(bytes)).toBe(true);
        }
        expect(kills).toBeGreaterThanOrEqual(atLeast);
      },
      240_000,
    );
  },
);

describe.skipIf(lacks('mounts'))('a full disk (needs mounts)', () => {
  test.each(FRONTS)(
    'with the front %s answers 507, and the upload goes on when there is room',
    async (front) => {
      await using disk = await startOnSmallDisk({ front });
      const { baseUrl } = disk;
      expect(await putPackage(baseUrl, craftRpm({ name: 'before' }), 'wait=50')).toMatchObject({
        status: 201,
      });
      const bytes = largeRpm('late', 2_000_000);
      const path = await begin(baseUrl, bytes);
      await disk.fill(600_000);
      const refused = await send(baseUrl, path, bytes, 0);
      expect(refused.json()).toMatchObject({ status: 507, code: 'STORAGE_FULL' });
      // A piece whose length shows that there is no room for it is not begun.
      expect(await offsetOf(baseUrl, path)).toBe(0);
      await disk.free();
      expect(await send(baseUrl, path, bytes, 0)).toMatchObject({ status: 201 });
      expect(sha256Of(await readFile(disk.inside(`storage/${storedAt('late')}`)))).toBe(sha256Of(bytes));
    },
  );
});
