import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CI_TOKEN, READER_TOKEN, startAccessSite } from '../support/access-site.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { startCache } from '../support/run-cache.ts';
import type { Front } from '../support/run-site.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';

const NINE = craftRpm({ name: 'nine', release: '1.el9' });
const EIGHT = craftRpm({ name: 'eight', release: '1.el8' });
const asReader = { authorization: `Bearer ${READER_TOKEN}` };
const asCi = { authorization: `Bearer ${CI_TOKEN}` };

describe.each<Front>(['nginx', 'none'])('a cache before %s', (front) => {
  it('gives what a client read with a token to that client alone', async () => {
    await using site = await startAccessSite(front, { public_read: ['8/*'] });
    expect(await putPackage(site.baseUrl, NINE, 'wait=50', asCi)).toMatchObject({ status: 201 });
    await using cache = await startCache(join(site.workDir, 'cache'), site.baseUrl);
    for (const path of [
      '/repo/9/x86_64/Packages/nine-1.0-1.el9.x86_64.rpm',
      '/repo/9/x86_64/repodata/repomd.xml',
      '/repo/9/x86_64/Packages/',
      '/repo/',
      '/api/v1/repositories',
      '/api/v1/repositories/9/x86_64',
      '/api/v1/repositories/9/x86_64/packages',
      `/api/v1/uploads/${sha256Of(NINE)}`,
      '/metrics',
      '/readyz',
    ]) {
      const known = await sendRequest(cache.baseUrl, { path, headers: asReader });
      expect(known.status, path).toBe(200);
      expect(known.headers['cache-control'], path).toMatch(/^private\b/);
      const stranger = await sendRequest(cache.baseUrl, { path });
      expect(stranger.headers['x-cache'], path).toBe('MISS');
      expect(path === '/api/v1/repositories' ? [200] : [401, 404], path).toContain(stranger.status);
      expect(stranger.text, path).not.toContain('9/x86_64');
    }
  });

  it('may keep what every client may read', async () => {
    await using site = await startAccessSite(front);
    expect(await putPackage(site.baseUrl, EIGHT, 'wait=50&releasever=9', asCi)).toMatchObject({
      status: 201,
    });
    await using cache = await startCache(join(site.workDir, 'cache'), site.baseUrl);
    const path = '/repo/9/x86_64/Packages/eight-1.0-1.el8.x86_64.rpm';
    const first = await sendRequest(cache.baseUrl, { path });
    expect(first).toMatchObject({ status: 200, headers: { 'x-cache': 'MISS' } });
    expect(await sendRequest(cache.baseUrl, { path })).toMatchObject({
      status: 200,
      headers: { 'x-cache': 'HIT' },
    });
  });
});
