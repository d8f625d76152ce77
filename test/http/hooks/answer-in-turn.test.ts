import { readdir, readlink, truncate, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildTestApp } from '../../support/test-app.ts';

const FILE_BYTES = 64 * 1024 * 1024;
const REQUESTS = 40;

/** How often this process has a file open. */
async function countOpen(path: string): Promise<number> {
  const targets = (await readdir('/proc/self/fd')).map((fd) =>
    readlink(`/proc/self/fd/${fd}`).catch(() => undefined),
  );
  return (await Promise.all(targets)).filter((target) => target === path).length;
}

describe('requests that a client sends ahead on one connection', () => {
  it('open a file one after the other', async () => {
    await using service = await buildTestApp();
    const path = join(service.topDir, 'large.bin');
    await writeFile(path, '');
    await truncate(path, FILE_BYTES);
    const url = new URL(await service.app.listen({ host: '127.0.0.1', port: 0 }));

    const client = connect(Number(url.port), url.hostname);
    client.write('GET /repo/large.bin HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(REQUESTS));
    await once(client, 'readable');
    // An answer on another connection comes after all that the first one asked for was begun.
    expect((await fetch(new URL('/healthz', url))).status).toBe(200);
    expect(await countOpen(path)).toBe(1);
    client.destroy();
    await expect.poll(() => countOpen(path)).toBe(0);
  });

  it('are answered in their order', async () => {
    await using service = await buildTestApp();
    const url = new URL(await service.app.listen({ host: '127.0.0.1', port: 0 }));
    const client = connect(Number(url.port), url.hostname).setEncoding('utf8');
    client.write(
      'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    let answers = '';
    for await (const piece of client) answers += String(piece);
    expect([...answers.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)).toEqual(['200', '404']);
  });

  it('may name the whole URL, as requests to a proxy do', async () => {
    await using service = await buildTestApp();
    await writeFile(join(service.topDir, 'a.repo'), '[a]\n');
    const url = new URL(await service.app.listen({ host: '127.0.0.1', port: 0 }));
    const client = connect(Number(url.port), url.hostname).setEncoding('utf8');
    client.write(`GET ${url.origin}/repo/x/..//a.repo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    let answer = '';
    for await (const piece of client) answer += String(piece);
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*\[a\]\n$/s);
  });
});
