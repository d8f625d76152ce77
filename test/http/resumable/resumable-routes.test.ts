import { createHash } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { describe, expect, it } from 'vitest';
import { createAccess } from '../../../src/trust/access.ts';
import { signRequest } from '../../../src/trust/access/signed-request.ts';
import { hashToken } from '../../../src/trust/token-hash.ts';
import { AppError, ERROR_STATUS, type ErrorCode } from '../../../src/errors.ts';
import { EXPIRE_MS } from '../../../src/intake/receive/kept-upload.ts';
import { eventually } from '../../support/eventually.ts';
import { buildTestApp, outcomeOf, type TestApp } from '../../support/test-app.ts';

const TUS = { 'tus-resumable': '1.0.0' };
const UNKNOWN = '/upload/resumable/00000000-0000-0000-0000-000000000000';
const BODY = '0123456789';

interface SomeRequest extends InjectOptions {
  readonly url: string;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const post = (headers: InjectOptions['headers'] = {}, query = ''): SomeRequest => ({
  method: 'POST',
  url: `/upload/resumable${query}`,
  headers: { ...TUS, 'upload-length': '10', ...headers },
});

const patch = (
  url: string,
  offset: number,
  payload: string,
  { headers }: Pick<InjectOptions, 'headers'> = {},
): SomeRequest => ({
  method: 'PATCH',
  url,
  payload,
  headers: {
    ...TUS,
    'content-type': 'application/offset+octet-stream',
    'upload-offset': String(offset),
    ...headers,
  },
});

async function begin({ app }: TestApp, request: InjectOptions = post()): Promise<string> {
  const answer = await app.inject(request);
  expect(answer.statusCode).toBe(201);
  return `/upload/${String(answer.headers['location'])}`;
}

const head = ({ app }: TestApp, url: string): Promise<LightMyRequestResponse> =>
  app.inject({ method: 'HEAD', url, headers: TUS });

describe('OPTIONS', () => {
  it('says what the server can, without a version', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject({ method: 'OPTIONS', url: '/upload/resumable' });
    expect(answer.statusCode).toBe(204);
    expect(answer.headers).toMatchObject({
      'tus-resumable': '1.0.0',
      'tus-version': '1.0.0',
      'tus-extension': 'creation,expiration,termination',
      'tus-max-size': '1000000',
    });
  });
});

describe('an upload in pieces', () => {
  it('begins with 201, where it goes on, and until when', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(post());
    expect(answer.statusCode).toBe(201);
    expect(answer.headers['location']).toMatch(/^resumable\/[0-9a-f-]{36}$/);
    expect(answer.headers['tus-resumable']).toBe('1.0.0');
    const expiresMs = Date.parse(String(answer.headers['upload-expires']));
    expect(Math.abs(expiresMs - Date.now() - EXPIRE_MS)).toBeLessThan(60_000);
  });

  it('says its offset to HEAD, which no cache keeps', async () => {
    await using service = await buildTestApp();
    const url = await begin(service);
    await service.app.inject(patch(url, 0, '0123'));
    const answer = await head(service, url);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'upload-offset': '4',
      'upload-length': '10',
      'cache-control': 'no-store',
      'tus-resumable': '1.0.0',
    });
  });

  it('answers 204 to a piece, and to the last one as a PUT', async () => {
    await using service = await buildTestApp();
    const url = await begin(service);
    const first = await service.app.inject(patch(url, 0, '0123'));
    expect(first).toMatchObject({ statusCode: 204, body: '' });
    expect(first.headers).toMatchObject({ 'upload-offset': '4', 'tus-resumable': '1.0.0' });
    const last = await service.app.inject(patch(url, 4, '456789'));
    expect(last.statusCode).toBe(201);
    expect(last.body).toMatch(/^OK - Accessible as /);
    expect(last.headers).toMatchObject({ 'upload-offset': '10', 'tus-resumable': '1.0.0' });
    expect(service.uploads).toMatchObject([{ content: BODY, sizeBytes: 10, sha256: undefined }]);
    expect(service.counted).toEqual([['created', 10]]);
    await eventually(async () => expect(await readdir(service.incomingDir)).toEqual([]));
    expect((await head(service, url)).headers['upload-offset']).toBe('10');
  });

  it('answers the last piece in JSON to who asks for it', async () => {
    await using service = await buildTestApp();
    const url = await begin(service);
    const last = await service.app.inject(patch(url, 0, BODY, { headers: { accept: 'application/json' } }));
    expect(last.json()).toEqual(outcomeOf(BODY));
  });

  it('is what was said when it began: digests, releasever and batch', async () => {
    await using service = await buildTestApp();
    const headers = { 'x-checksum-sha256': 'AB'.repeat(32), 'x-batch': 'tag-1' };
    const url = await begin(service, post(headers, '?releasever=9'));
    await service.app.inject(patch(url, 0, BODY, { headers: { 'x-checksum-sha256': sha256(BODY) } }));
    expect(service.uploads).toMatchObject([
      {
        releasever: '9',
        batch: 'tag-1',
        expectedDigests: [{ algorithm: 'sha256', hex: 'ab'.repeat(32), header: 'x-checksum-sha256' }],
      },
    ]);
  });

  it('is of the batch that the URL of its beginning names', async () => {
    await using service = await buildTestApp();
    const url = await begin(service, post({}, '?batch=tag-1'));
    await service.app.inject(patch(url, 0, BODY));
    expect(service.uploads).toMatchObject([{ batch: 'tag-1' }]);
  });

  it('may have the digests of the whole in every request, as clients do that send the same headers each time', async () => {
    await using service = await buildTestApp();
    const base64 = createHash('sha256').update(BODY).digest('base64');
    const headers = { 'x-checksum-sha256': sha256(BODY), 'repr-digest': `sha-256=:${base64}:` };
    const url = await begin(service, post(headers));
    expect(await service.app.inject(patch(url, 0, '0123', { headers }))).toMatchObject({ statusCode: 204 });
    expect(await service.app.inject(patch(url, 4, '456789', { headers }))).toMatchObject({ statusCode: 201 });
  });

  it('waits as a PUT does, while others may ask for the offset', async () => {
    const waiting = Promise.withResolvers<'pending'>();
    let waitedMs = 0;
    await using service = await buildTestApp({
      upload: {
        waitUntilInstallable: (_, waitMs) => {
          waitedMs = waitMs;
          return waiting.promise;
        },
      },
    });
    const url = await begin(service);
    const answer = service.app.inject(patch(`${url}?wait=50`, 0, BODY));
    await eventually(() => expect(waitedMs).toBeGreaterThan(40_000));
    expect((await head(service, url)).headers['upload-offset']).toBe('10');
    waiting.resolve('pending');
    expect(await answer).toMatchObject({ statusCode: 202 });
    expect((await answer).headers['location']).toBe(`/api/v1/uploads/${sha256(BODY)}`);
  });

  it('of a batch cannot be waited for, and says so before it is taken', async () => {
    await using service = await buildTestApp();
    const url = await begin(service, post({ 'x-batch': 'tag-1' }));
    const answer = await service.app.inject(patch(`${url}?wait=5`, 0, BODY));
    expect(answer.body).toMatch(/^ERROR PARAMETER_INVALID: /);
    expect(service.uploads).toEqual([]);
  });

  it('is forgotten when it is deleted', async () => {
    await using service = await buildTestApp();
    const url = await begin(service);
    const answer = await service.app.inject({ method: 'DELETE', url, headers: TUS });
    expect(answer.statusCode).toBe(204);
    expect((await head(service, url)).statusCode).toBe(404);
    expect(await readdir(service.resumableDir)).toEqual([]);
  });

  it('that is accepted takes a piece without bytes, and no other', async () => {
    await using service = await buildTestApp();
    const url = await begin(service);
    await service.app.inject(patch(url, 0, BODY));
    expect(await service.app.inject(patch(url, 10, ''))).toMatchObject({ statusCode: 204 });
    expect((await service.app.inject(patch(url, 9, '9'))).body).toMatch(/^ERROR UPLOAD_OFFSET_WRONG: /);
    expect((await service.app.inject(patch(url, 10, 'x'))).body).toMatch(/^ERROR UPLOAD_TOO_LARGE: /);
    expect(service.uploads).toHaveLength(1);
  });

  it('expires a day after its last byte', async () => {
    let nowMs = Date.now();
    await using service = await buildTestApp({ now: () => nowMs });
    const url = await begin(service);
    nowMs += EXPIRE_MS + 60_000;
    expect((await head(service, url)).statusCode).toBe(404);
  });
});

describe('an upload whose package is not taken', () => {
  it('for a reason of its own is answered as a PUT would be, and forgotten', async () => {
    await using service = await buildTestApp({
      upload: {
        ingest: () => Promise.reject(new AppError('PACKAGE_CONFLICT', 'other bytes', { hint: 'bump it' })),
      },
    });
    const url = await begin(service);
    const answer = await service.app.inject(patch(url, 0, BODY));
    expect(answer.statusCode).toBe(409);
    expect(answer.body).toMatch(/^ERROR PACKAGE_CONFLICT: /);
    expect(answer.headers['upload-offset']).toBeUndefined();
    expect((await head(service, url)).statusCode).toBe(404);
    expect(await readdir(service.resumableDir)).toEqual([]);
    expect(service.counted).toEqual([['PACKAGE_CONFLICT', 0]]);
    await eventually(async () => expect(await readdir(service.incomingDir)).toEqual([]));
  });

  it('is answered with its own error, also when it cannot be forgotten', async () => {
    await using service = await buildTestApp({
      upload: {
        ingest: async () => {
          await rm(service.resumableDir, { recursive: true });
          await writeFile(service.resumableDir, 'in the way');
          throw new AppError('PACKAGE_CONFLICT', 'other bytes', { hint: 'bump it' });
        },
      },
    });
    const url = await begin(service);
    const answer = await service.app.inject(patch(url, 0, BODY));
    expect(answer.statusCode).toBe(409);
    expect(answer.body).toMatch(/^ERROR PACKAGE_CONFLICT: /);
    expect(service.logLines.join('')).toContain('a refused upload could not be removed');
  });

  it('for a fault of ours is kept but for its last byte, which asks again', async () => {
    const answers: (() => Promise<ReturnType<typeof outcomeOf>>)[] = [
      () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'link' })),
      async () => outcomeOf(BODY),
    ];
    await using service = await buildTestApp({
      upload: { ingest: () => answers.shift()?.() ?? Promise.reject(new Error('asked too often')) },
    });
    const url = await begin(service);
    expect(await service.app.inject(patch(url, 0, BODY))).toMatchObject({ statusCode: 507 });
    expect((await head(service, url)).headers['upload-offset']).toBe('9');
    expect(await service.app.inject(patch(url, 9, '9'))).toMatchObject({ statusCode: 201 });
    expect(service.counted).toEqual([
      ['STORAGE_FULL', 0],
      ['created', 10],
    ]);
  });

  it('is accepted all the same when that cannot be noted', async () => {
    await using service = await buildTestApp({
      upload: {
        ingest: async () => {
          await rm(service.resumableDir, { recursive: true });
          return outcomeOf(BODY);
        },
      },
    });
    const url = await begin(service);
    expect(await service.app.inject(patch(url, 0, BODY))).toMatchObject({ statusCode: 201 });
  });
});

describe('a request that is refused', () => {
  it.each<[string, (url: string) => InjectOptions, ErrorCode]>([
    [
      'without a version',
      () => ({ ...post(), headers: { 'upload-length': '10' } }),
      'TUS_VERSION_UNSUPPORTED',
    ],
    ['of another version', () => post({ 'tus-resumable': '0.2.2' }), 'TUS_VERSION_UNSUPPORTED'],
    ['without a length', () => ({ ...post(), headers: TUS }), 'PARAMETER_INVALID'],
    ['with a negative length', () => post({ 'upload-length': '-1' }), 'PARAMETER_INVALID'],
    ['with a hexadecimal length', () => post({ 'upload-length': '0x10' }), 'PARAMETER_INVALID'],
    [
      'with a length beyond all numbers',
      () => post({ 'upload-length': '9'.repeat(30) }),
      'PARAMETER_INVALID',
    ],
    ['of a part of an upload', () => post({ 'upload-concat': 'partial' }), 'PARAMETER_INVALID'],
    ['with the length to come', () => post({ 'upload-defer-length': '1' }), 'PARAMETER_INVALID'],
    ['that begins with bytes', () => ({ ...post(), payload: 'x' }), 'PARAMETER_INVALID'],
    ['to wait for what only begins', () => post({}, '?wait=5'), 'PARAMETER_INVALID'],
    ['of no bytes', () => post({ 'upload-length': '0' }), 'EMPTY_BODY'],
    ['above the limit', () => post({ 'upload-length': '1000001' }), 'UPLOAD_TOO_LARGE'],
    ['with a digest that cannot be read', () => post({ 'repr-digest': 'x' }), 'DIGEST_INVALID'],
    ['with a batch of a bad name', () => post({ 'x-batch': '../x' }), 'PARAMETER_INVALID'],
    ['of an unknown upload', () => patch(UNKNOWN, 0, 'x'), 'NOT_FOUND'],
    ['of an upload that is no name', () => patch('/upload/resumable/..%2f..', 0, 'x'), 'NOT_FOUND'],
    ['of a very long name', () => patch(`/upload/resumable/${'a'.repeat(90)}`, 0, 'x'), 'NOT_FOUND'],
    ['behind the offset', (url) => patch(url, 3, '3456789'), 'UPLOAD_OFFSET_WRONG'],
    ['before the offset', (url) => patch(url, 5, '56789'), 'UPLOAD_OFFSET_WRONG'],
    ['at no offset', (url) => patch(url, 0, 'x', { headers: { 'upload-offset': 'x' } }), 'PARAMETER_INVALID'],
    [
      'of another type',
      (url) => patch(url, 4, 'x', { headers: { 'content-type': 'text/plain' } }),
      'CONTENT_TYPE_WRONG',
    ],
    ['beyond the end', (url) => patch(url, 4, '456789x'), 'UPLOAD_TOO_LARGE'],
    [
      'with another digest',
      (url) => patch(url, 4, '4', { headers: { 'x-checksum-sha256': sha256('5') } }),
      'DIGEST_MISMATCH',
    ],
    [
      'with a digest that cannot be read',
      (url) => patch(url, 4, '4', { headers: { 'content-digest': '5' } }),
      'DIGEST_INVALID',
    ],
    ['with a wait that is too long', (url) => patch(`${url}?wait=51`, 4, '4'), 'PARAMETER_INVALID'],
    ['with a releasever too late', (url) => patch(`${url}?releasever=9`, 4, '4'), 'PARAMETER_INVALID'],
    ['to read it', (url) => ({ method: 'GET', url, headers: TUS }), 'NOT_FOUND'],
    ['to put it', (url) => ({ method: 'PUT', url, payload: 'x' }), 'UPLOAD_PATH_RESERVED'],
  ])('%s gets its code, and the upload goes on', async (_, request, code) => {
    await using service = await buildTestApp();
    const url = await begin(service);
    await service.app.inject(patch(url, 0, '0123'));
    const answer = await service.app.inject(request(url));
    expect(answer.body).toMatch(new RegExp(`^ERROR ${code}: `));
    expect(answer.statusCode).toBe(ERROR_STATUS[code]);
    expect(await service.app.inject(patch(url, 4, '456789'))).toMatchObject({ statusCode: 201 });
    expect(service.uploads).toMatchObject([{ content: BODY }]);
    expect(service.counted).toEqual([['created', 10]]);
  });

  it('says which version there is', async () => {
    await using service = await buildTestApp();
    const answer = await service.app.inject(post({ 'tus-resumable': '0.2.2' }));
    expect(answer.headers).toMatchObject({ 'tus-version': '1.0.0', 'tus-resumable': '1.0.0' });
  });

  it('says where to go on', async () => {
    await using service = await buildTestApp();
    const url = await begin(service);
    const answer = await service.app.inject(patch(url, 5, 'x', { headers: { accept: 'application/json' } }));
    expect(answer.json()).toMatchObject({ status: 409, code: 'UPLOAD_OFFSET_WRONG', offset: 0 });
  });
});

describe('with access rules', () => {
  const secret = Buffer.from('s'.repeat(32));
  const access = createAccess({
    tokens: [
      { name: 'ci', hash: hashToken('ci-token'), upload: ['9/*'] },
      { name: 'other', hash: hashToken('other-token'), upload: ['9/*'] },
      { name: 'reader', hash: hashToken('reader-token'), read: ['*'] },
    ],
    keys: [{ id: 'build1', secret, upload: ['*'], allow_plain_signature: true }],
    requireCredentials: false,
    publicRead: ['*'],
    localToken: 'local',
    nonces: { isNonceUsed: async () => false, useNonce: async () => true },
    now: Date.now,
  });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const signed = (request: SomeRequest, bodySha256: string | undefined): SomeRequest => {
    const [timestampSeconds, nonce] = [Math.floor(Date.now() / 1000), 'n'.repeat(20)];
    const method = String(request.method);
    const hex = signRequest(
      { method, url: request.url, timestampSeconds, nonce, bodySha256: bodySha256 ?? sha256('') },
      secret,
    );
    const headers = {
      ...request.headers,
      'x-key-id': 'build1',
      'x-signature': `sha256=${hex}`,
      'x-timestamp': String(timestampSeconds),
      'x-nonce': nonce,
      ...(bodySha256 !== undefined && { 'x-checksum-sha256': bodySha256 }),
    };
    return { ...request, headers };
  };

  it('no client begins one without the right to upload', async () => {
    await using service = await buildTestApp({ access });
    expect(await service.app.inject(post())).toMatchObject({ statusCode: 401 });
    expect(await service.app.inject(post(bearer('reader-token')))).toMatchObject({ statusCode: 403 });
    expect((await service.app.inject(post())).headers['tus-resumable']).toBe('1.0.0');
    expect(await readdir(service.resumableDir)).toEqual([]);
  });

  it('only the client that began it sees, continues or deletes it', async () => {
    await using service = await buildTestApp({ access });
    const url = await begin(service, post(bearer('ci-token')));
    const headers = { ...TUS, ...bearer('other-token') };
    for (const method of ['HEAD', 'DELETE'] as const)
      expect(await service.app.inject({ method, url, headers })).toMatchObject({ statusCode: 404 });
    const stranger = await service.app.inject(patch(url, 0, BODY, { headers }));
    expect(stranger.statusCode).toBe(404);
    const mine = await service.app.inject(patch(url, 0, BODY, { headers: bearer('ci-token') }));
    expect(mine.statusCode).toBe(201);
    expect(service.uploads).toMatchObject([{ requester: { kind: 'token', name: 'ci' } }]);
  });

  it('each request can be signed, and the signature of the first covers the whole', async () => {
    await using service = await buildTestApp({ access });
    const url = await begin(service, signed(post(), sha256(BODY)));
    expect(await service.app.inject(signed(patch(url, 0, '0123'), sha256('0123')))).toMatchObject({
      statusCode: 204,
    });
    const wrong = await service.app.inject(signed(patch(url, 4, '456789'), sha256('other')));
    expect(wrong.body).toMatch(/^ERROR DIGEST_MISMATCH: /);
    const asked = await service.app.inject(signed({ method: 'HEAD', url, headers: TUS }, undefined));
    expect(asked.headers['upload-offset']).toBe('4');
    expect(await service.app.inject(signed(patch(url, 4, '456789'), sha256('456789')))).toMatchObject({
      statusCode: 201,
    });
    expect(service.uploads).toMatchObject([{ expectedDigests: [{ hex: sha256(BODY) }] }]);
  });

  it('a signed one needs the digest of the whole', async () => {
    await using service = await buildTestApp({ access });
    const answer = await service.app.inject(signed(post(), undefined));
    expect(answer.body).toMatch(/^ERROR SIGNATURE_INVALID: /);
  });

  it('a signature of the file alone begins none', async () => {
    await using service = await buildTestApp({ access });
    const answer = await service.app.inject(post({ 'x-signature': `sha1=${'0'.repeat(40)}` }));
    expect(answer.body).toMatch(/^ERROR SIGNATURE_INVALID: /);
    expect(await readdir(service.resumableDir)).toEqual([]);
  });

  it('the audit log has a line of the beginning, of the package, of the end and of who may not, none of a piece', async () => {
    await using service = await buildTestApp({ access });
    const url = await begin(service, post(bearer('ci-token')));
    const headers = bearer('ci-token');
    await service.app.inject(patch(url, 0, '0123', { headers }));
    await service.app.inject(patch(url, 0, '0123', { headers }));
    await service.app.inject(patch(url, 4, '456789', { headers }));
    await service.app.inject(patch(url, 4, '456789', { headers: bearer('reader-token') }));
    await service.app.inject({ method: 'DELETE', url, headers: { ...TUS, ...headers } });
    await service.app.inject(post({ ...headers, 'upload-length': '2000000' }));
    const upload = url.slice('/upload/resumable/'.length);
    expect(service.audited).toMatchObject([
      { who: 'token ci', method: 'POST', outcome: 'upload begun', upload, sizeBytes: 10 },
      { who: 'token ci', method: 'PATCH', url, outcome: 'created', sizeBytes: 10 },
      { who: 'token reader', method: 'PATCH', outcome: 'RIGHT_MISSING' },
      { who: 'token ci', method: 'DELETE', outcome: 'upload deleted', upload, sizeBytes: 10 },
    ]);
  });
});
