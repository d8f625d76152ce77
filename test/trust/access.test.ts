import { createHash, createHmac, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Access, type AccessOptions, type AskedRequest, createAccess } from '../../src/trust/access.ts';
import type { NonceUse } from '../../src/storage/records.ts';
import type { Need } from '../../src/trust/requester.ts';
import { type SignedRequest, signRequest } from '../../src/trust/access/signed-request.ts';
import { hashToken, newToken } from '../../src/trust/token-hash.ts';
import { admit } from '../support/admit.ts';
import { rejectedCodeOf } from '../support/app-error.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const NOW_MS = 1_800_000_000_000;
const CI = newToken();
const LOCAL = newToken();
const SECRET = randomBytes(32);
const BODY_SHA256 = createHash('sha256').update('body').digest('hex');
const UPLOAD: Need = { right: 'upload', in: 'some' };

function access(options: Partial<AccessOptions> = {}) {
  const used = new Set<string>();
  const service = createAccess({
    tokens: [{ name: 'ci', hash: hashToken(CI), upload: ['9/*'] }],
    keys: [{ id: 'build1', secret: SECRET, upload: ['*'] }],
    requireCredentials: false,
    publicRead: ['*'],
    localToken: LOCAL,
    nonces: {
      isNonceUsed: async (id, nonce) => used.has(`${id} ${nonce}`),
      useNonce: async ({ keyId, nonce }) => used.size < used.add(`${keyId} ${nonce}`).size,
    },
    now: () => NOW_MS,
    ...options,
  });
  return { admit: (...asked: Parameters<Access['identify']>) => admit(service, ...asked) };
}

function put(headers: AskedRequest['headers'], url = '/upload'): AskedRequest {
  return { method: 'PUT', url, headers };
}

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

/** A good signed request, and what `change` makes of its headers after it was signed. */
function signed(signing: Partial<SignedRequest> = {}, change: AskedRequest['headers'] = {}): AskedRequest {
  const parts: SignedRequest = {
    method: 'PUT',
    url: '/upload?wait=5',
    timestampSeconds: NOW_MS / 1000,
    nonce: randomBytes(16).toString('hex'),
    bodySha256: BODY_SHA256,
    ...signing,
  };
  return put(
    {
      'x-key-id': 'build1',
      'x-signature': `sha256=${signRequest(parts, SECRET)}`,
      'x-timestamp': String(parts.timestampSeconds),
      'x-nonce': parts.nonce,
      'x-checksum-sha256': BODY_SHA256,
      ...change,
    },
    '/upload?wait=5',
  );
}

describe('a token', () => {
  it.each([
    ['as a bearer', { authorization: `Bearer ${CI}` }],
    ['as a bearer, whatever the case of the scheme', { authorization: `bearer  ${CI}` }],
    ['as the password of any user', basic('whoever', CI)],
    ['as the password of no user', basic('', CI)],
  ])('is taken %s', async (_how, headers) => {
    expect(await access().admit(put(headers), UPLOAD)).toMatchObject({ kind: 'token', name: 'ci' });
  });

  it.each([
    ['unknown', { authorization: `Bearer ${newToken()}` }],
    ['cut short', { authorization: `Bearer ${CI.slice(0, -1)}` }],
    ['too long', { authorization: `Bearer ${CI}x` }],
    ['empty', basic('ci', '')],
    ['its own hash', { authorization: `Bearer ${hashToken(CI).slice(7)}` }],
    ['of another scheme', { authorization: 'Digest x' }],
    ['no base64', { authorization: 'Basic ***' }],
    ['without a colon', { authorization: `Basic ${Buffer.from('ci').toString('base64')}` }],
    ['nothing', { authorization: '' }],
  ])('that is %s is refused', async (_what, headers) => {
    expect(await rejectedCodeOf(access().admit(put(headers), UPLOAD))).toBe('CREDENTIALS_INVALID');
  });

  it('has its rights in its repositories only', async () => {
    const headers = { authorization: `Bearer ${CI}` };
    const { rights } = await access().admit(put(headers), {
      right: 'upload',
      in: { repository: repo('9/x86_64') },
    });
    expect(rights.may('upload', repo('10/x86_64'))).toBe(false);
    const others: Need[] = [
      { right: 'upload', in: { repository: repo('10/x86_64') } },
      { right: 'upload', in: 'all' },
      { right: 'admin', in: { repository: repo('9/x86_64') } },
    ];
    for (const need of others) {
      expect(await rejectedCodeOf(access().admit(put(headers), need))).toBe('RIGHT_MISSING');
    }
  });

  it('of this machine may do everything', async () => {
    const headers = { authorization: `Bearer ${LOCAL}` };
    expect((await access().admit(put(headers), { right: 'admin', in: 'all' })).kind).toBe('local');
  });
});

describe('who says who they are', () => {
  it('may read what every client may', async () => {
    const service = access({ publicRead: ['10/*'] });
    const requester = await service.admit(put(basic('ci', CI)), UPLOAD);
    expect(requester.rights.may('read', repo('10/x86_64'))).toBe(true);
    expect(requester.rights.may('read', repo('9/x86_64'))).toBe(true);
    expect(requester.rights.may('read', repo('8/x86_64'))).toBe(false);
    expect(requester.rights.may('upload', repo('10/x86_64'))).toBe(false);
  });
});

describe('a request without credentials', () => {
  it('is refused where not every client has the right', async () => {
    expect(await rejectedCodeOf(access().admit(put({}), UPLOAD))).toBe('CREDENTIALS_MISSING');
  });

  it('may read what is public, whatever credentials it has', async () => {
    const need: Need = { right: 'read', in: { repository: repo('9/x86_64') } };
    const asked = put({ authorization: 'Bearer stale' });
    expect((await access().admit(asked, need)).kind).toBe('anonymous');
    expect(await rejectedCodeOf(access({ publicRead: ['10/*'] }).admit(asked, need))).toBe(
      'CREDENTIALS_INVALID',
    );
  });

  it('may do everything while there are no tokens and no keys', async () => {
    const open = access({ tokens: [], keys: [] });
    expect((await open.admit(put({}), { right: 'admin', in: 'all' })).kind).toBe('anonymous');
    expect((await open.admit(put({ authorization: 'Bearer x' }), UPLOAD)).kind).toBe('anonymous');
  });
});

describe('where credentials are required', () => {
  it('may do nothing but read before the first token and key, and the command line everything', async () => {
    const { admit: admitted } = access({ tokens: [], keys: [], requireCredentials: true });
    expect(await rejectedCodeOf(admitted(put({}), UPLOAD))).toBe('CREDENTIALS_MISSING');
    expect(await rejectedCodeOf(admitted(put({ authorization: `Bearer ${CI}` }), UPLOAD))).toBe(
      'CREDENTIALS_INVALID',
    );
    expect((await admitted(put({}), { right: 'read', in: { repository: repo('9/x86_64') } })).kind).toBe(
      'anonymous',
    );
    expect((await admitted(put({ authorization: `Bearer ${LOCAL}` }), UPLOAD)).kind).toBe('local');
  });
});

describe('a signed request', () => {
  it('is signed with the path that the client knows, of which a proxy may have taken the beginning away', async () => {
    const behindProxy = access({ publicPath: '/rpms' });
    const sent = signed({ url: '/rpms/upload?wait=5' });
    expect((await behindProxy.admit({ ...sent, url: '/upload?wait=5' }, UPLOAD)).name).toBe('build1');
    expect((await behindProxy.admit(signed(), UPLOAD)).name).toBe('build1');
    expect(await rejectedCodeOf(access().admit({ ...sent, url: '/upload?wait=5' }, UPLOAD))).toBe(
      'SIGNATURE_INVALID',
    );
    const other = signed({ url: '/other/upload?wait=5' });
    expect(await rejectedCodeOf(behindProxy.admit({ ...other, url: '/upload?wait=5' }, UPLOAD))).toBe(
      'SIGNATURE_INVALID',
    );
  });

  it('that names its batch in a header, which is not signed, is refused', async () => {
    const { admit } = access();
    expect(await rejectedCodeOf(admit(signed({}, { 'x-batch': 'tag-1' }), UPLOAD))).toBe('SIGNATURE_INVALID');
    const url = '/upload?batch=tag-1';
    expect(await admit({ ...signed({ url }), url }, UPLOAD)).toMatchObject({ kind: 'key', name: 'build1' });
  });

  it('is taken with headers that can only make it fail', async () => {
    const headers = {
      'x-build-url': 'https://ci.example.com/7',
      'content-digest': 'sha-256=:AAAA:',
      'upload-length': '10',
      'upload-offset': '0',
      'tus-resumable': '1.0.0',
      accept: 'application/json',
      expect: '100-continue',
    };
    expect(await access().admit(signed({}, headers), UPLOAD)).toMatchObject({ name: 'build1' });
  });

  it('is its key’s', async () => {
    expect(await access().admit(signed(), UPLOAD)).toMatchObject({ kind: 'key', name: 'build1' });
  });

  it.each([
    ['method', { method: 'POST' }],
    ['path', { url: '/upload' }],
    ['query', { url: '/upload?wait=6' }],
    ['body', { bodySha256: createHash('sha256').update('other').digest('hex') }],
  ])('for another %s is refused', async (_part, other) => {
    expect(await rejectedCodeOf(access().admit(signed(other), UPLOAD))).toBe('SIGNATURE_INVALID');
  });

  it.each([
    ['another nonce', { 'x-nonce': 'f'.repeat(32) }],
    ['another time', { 'x-timestamp': String(NOW_MS / 1000 + 1) }],
    ['another digest', { 'x-checksum-sha256': 'ab'.repeat(32) }],
    ['an unknown key', { 'x-key-id': 'build2' }],
    ['no key', { 'x-key-id': undefined }],
    ['no nonce', { 'x-nonce': undefined }],
    ['a short nonce', { 'x-nonce': 'short' }],
    ['no time', { 'x-timestamp': undefined }],
    ['a time that is none', { 'x-timestamp': 'yesterday' }],
    ['no digest', { 'x-checksum-sha256': undefined }],
    ['a wrong signature', { 'x-signature': `sha256=${'0'.repeat(64)}` }],
    ['a form, whatever the case of its type', { 'content-type': 'Multipart/form-data; boundary=x' }],
    ['a form', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['the plain form of a key that has none', { 'x-signature': `sha1=${'0'.repeat(40)}` }],
  ])('with %s is refused', async (_what, change) => {
    expect(await rejectedCodeOf(access().admit(signed({}, change), UPLOAD))).toBe('SIGNATURE_INVALID');
  });

  it('of an unknown key is refused, also by the secret that stands in for the key', async () => {
    const { headers, ...asked } = signed();
    const parts = {
      ...asked,
      timestampSeconds: NOW_MS / 1000,
      nonce: String(headers['x-nonce']),
      bodySha256: BODY_SHA256,
    };
    const signature = `sha256=${signRequest(parts, Buffer.alloc(32))}`;
    const unknown = put({ ...headers, 'x-key-id': 'build2', 'x-signature': signature }, asked.url);
    expect(await rejectedCodeOf(access().admit(unknown, UPLOAD))).toBe('SIGNATURE_INVALID');
  });

  it.each(['', 'sha256=', 'md5=00', `sha1=${'0'.repeat(64)}`, `sha256=${'0'.repeat(40)}`])(
    'whose signature is "%s" cannot be read',
    async (signature) => {
      expect(await rejectedCodeOf(access().admit(signed({}, { 'x-signature': signature }), UPLOAD))).toBe(
        'CREDENTIALS_INVALID',
      );
    },
  );

  it.each([
    [-301, 'SIGNATURE_EXPIRED'],
    [-299, undefined],
    [299, undefined],
    [301, 'SIGNATURE_EXPIRED'],
  ])('%i s off the clock: %s', async (offSeconds, code) => {
    const asked = signed({ timestampSeconds: NOW_MS / 1000 + offSeconds });
    expect(await rejectedCodeOf(access().admit(asked, UPLOAD))).toBe(code);
  });

  it('is taken once; asking on its behalf before does not count', async () => {
    const service = access();
    const asked = signed();
    await service.admit(asked, UPLOAD, 'look');
    await service.admit(asked, UPLOAD);
    expect(await rejectedCodeOf(service.admit(asked, UPLOAD))).toBe('SIGNATURE_REPLAYED');
    expect(await rejectedCodeOf(service.admit(asked, UPLOAD, 'look'))).toBe('SIGNATURE_REPLAYED');
  });

  it.each([
    ['of a known length', { 'content-length': '5' }],
    ['of an unknown length', { 'transfer-encoding': 'chunked' }],
  ])('with a body %s needs its digest, whatever the method', async (_what, headers) => {
    const bodySha256 = createHash('sha256').digest('hex');
    const { headers: signedHeaders } = signed(
      { method: 'POST', bodySha256 },
      { 'x-checksum-sha256': undefined },
    );
    const post = (more: AskedRequest['headers']): AskedRequest => ({
      method: 'POST',
      url: '/upload?wait=5',
      headers: { ...signedHeaders, ...more },
    });
    expect(await rejectedCodeOf(access().admit(post({}), UPLOAD))).toBeUndefined();
    expect(await rejectedCodeOf(access().admit(post(headers), UPLOAD))).toBe('SIGNATURE_INVALID');
  });

  it('uses its nonce up by the clock of the service', async () => {
    const uses: NonceUse[] = [];
    const nonces = { isNonceUsed: async () => false, useNonce: async (use: NonceUse) => uses.push(use) > 0 };
    const timestampSeconds = NOW_MS / 1000 - 100;
    await access({ nonces }).admit(signed({ timestampSeconds, nonce: 'n'.repeat(16) }), UPLOAD);
    expect(uses).toEqual([
      { keyId: 'build1', nonce: 'n'.repeat(16), expiresAtMs: NOW_MS + 201_000, nowMs: NOW_MS },
    ]);
  });

  it('has no more rights than its key', async () => {
    expect(await rejectedCodeOf(access().admit(signed(), { right: 'admin', in: 'all' }))).toBe(
      'RIGHT_MISSING',
    );
  });
});

describe('a plain signature', () => {
  const plain = { id: 'old', secret: SECRET, upload: ['*'], allow_plain_signature: true };
  const signature = createHmac('sha1', SECRET).update('body').digest('hex');

  it('is proven by the file', async () => {
    await using dir = await createTempDir();
    const [good, other] = [join(dir.path, 'good'), join(dir.path, 'other')];
    await writeFile(good, 'body');
    await writeFile(other, 'other');
    const requester = await access({ keys: [plain] }).admit(
      put({ 'x-signature': `sha1=${signature}` }),
      UPLOAD,
    );
    expect(requester).toMatchObject({ kind: 'key', name: 'old' });
    await requester.proveBy(good);
    await expect(requester.proveBy(other)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });

  it('may upload and nothing else, as it proves no other request', async () => {
    const open = access({ keys: [{ ...plain, admin: ['*'] }] });
    const asked = put({ 'x-signature': `sha1=${signature}` });
    expect((await open.admit(asked, UPLOAD)).kind).toBe('key');
    for (const right of ['read', 'delete', 'admin'] as const) {
      const closed = access({ keys: [{ ...plain, admin: ['*'] }], publicRead: [] });
      expect(await rejectedCodeOf(closed.admit(asked, { right, in: 'some' }))).toBe('SIGNATURE_INVALID');
    }
  });

  it('needs the name of its key when several have it', async () => {
    const two = access({ keys: [plain, { ...plain, id: 'older' }] });
    const headers = { 'x-signature': `sha1=${signature}` };
    expect(await rejectedCodeOf(two.admit(put(headers), UPLOAD))).toBe('SIGNATURE_INVALID');
    expect((await two.admit(put({ ...headers, 'x-key-id': 'older' }), UPLOAD)).name).toBe('older');
  });
});
