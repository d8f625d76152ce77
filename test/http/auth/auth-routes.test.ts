import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createAccess } from '../../../src/trust/access.ts';
import { AppError } from '../../../src/errors.ts';
import { createBodyRoom } from '../../../src/intake/body-room.ts';
import { buildTestApp } from '../../support/test-app.ts';

const SPARE_BYTES = 1000;

const room = createBodyRoom({
  spareBytes: () => SPARE_BYTES,
  demandReserve: (comingBytes) => {
    if (comingBytes > SPARE_BYTES)
      throw new AppError('STORAGE_FULL', 'no room "here"', { hint: 'Free some.' });
  },
  nowMs: () => 0,
});

describe('nginx, asking about an upload,', () => {
  test.each([
    [undefined, 204],
    ['', 204],
    ['1000', 204],
    ['1001', 507],
    // In chunks: as large as any may be.
    ['unknown', 507],
  ])('with a body of %s bytes is answered %d', async (length, status) => {
    await using service = await buildTestApp({ upload: { uploadHeader: 'x-package-name', room } });
    const asked = { 'x-original-method': 'PUT' };
    const headers = length === undefined ? asked : { ...asked, 'x-original-length': length };
    const answer = await service.app.inject({ method: 'GET', url: '/auth/upload', headers });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['x-rpmyard-code']).toBe(status === 507 ? 'STORAGE_FULL' : undefined);
  });

  test.each(['GET', 'HEAD', 'OPTIONS', 'POST', 'PATCH', 'DELETE'])(
    'with %s is not asked for room, as nginx spools nothing of it',
    async (method) => {
      await using service = await buildTestApp({ upload: { uploadHeader: 'x-package-name', room } });
      const headers = { 'x-original-method': method, 'x-original-length': '5000' };
      expect(await service.app.inject({ method: 'GET', url: '/auth/upload', headers })).toMatchObject({
        statusCode: 204,
      });
    },
  );

  test('learns code, detail and hint of a full disk in headers that it can quote', async () => {
    await using service = await buildTestApp({ upload: { uploadHeader: 'x-package-name', room } });
    const headers = { 'x-original-method': 'PUT', 'x-original-length': '5000' };
    const answer = await service.app.inject({ method: 'GET', url: '/auth/upload', headers });
    expect(answer.headers).toMatchObject({
      'x-rpmyard-code': 'STORAGE_FULL',
      'x-rpmyard-detail': "no room 'here'",
      'x-rpmyard-hint': 'Free some.',
    });
  });
});

describe('nginx, asking about a file that hosts ask for by a longer releasever,', () => {
  const access = createAccess({
    tokens: [],
    keys: [],
    requireCredentials: true,
    publicRead: ['9.4/*', '8/*'],
    localToken: 'x',
    nonces: { isNonceUsed: async () => false, useNonce: async () => true },
    now: () => 0,
  });
  const upload = { uploadHeader: 'x-package-name' };
  const headers = { 'x-original-uri': '/repo/9.4/x86_64/repodata/repomd.xml' };

  test('is answered by the rights in the repository of its number', async () => {
    await using service = await buildTestApp({ access, upload });
    const ask = async (url: string) =>
      (await service.app.inject({ url: '/auth/read', headers: { 'x-original-uri': url } })).statusCode;
    expect(await ask('/repo/9.4/x86_64/a')).toBe(401);
    expect(await ask('/repo/9%2E4/x86_64/a')).toBe(401);
    expect(await ask('/repo/8.10/x86_64/a')).toBe(204);
    expect(await ask('/repo/9.4/x86_64.repo')).toBe(204);
  });

  test('is answered by those in both, when the longer name became a directory after nginx had looked', async () => {
    await using service = await buildTestApp({ access, upload });
    await mkdir(join(service.topDir, '9.4'), { recursive: true });
    expect((await service.app.inject({ url: '/auth/read', headers })).statusCode).toBe(204);
    const looked = { ...headers, 'x-original-major': '9' };
    expect((await service.app.inject({ url: '/auth/read', headers: looked })).statusCode).toBe(401);
  });
});
