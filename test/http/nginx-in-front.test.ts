import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createNginxInFront, NGINX_VERSION } from '../../src/http/nginx-in-front.ts';
import { execa } from 'execa';
import { craftRpm } from '../support/craft-rpm.ts';
import { startSite } from '../support/run-site.ts';
import { putPackage, sendRequest } from '../support/send-request.ts';

/** The file of a site from before it included anything. */
const ONE_FILE = new URL('../upgrade/one-file/rpmyard.conf', import.meta.url);
const MINUTE_MS = 60_000;
const CONNECTION = 'X-Rpmyard-Nginx';

function createWatched() {
  const lines: { readonly level: number; readonly code?: string }[] = [];
  let nowMs = 0;
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const nginx = createNginxInFront(log, () => nowMs);
  return {
    lines,
    wait: (ms: number) => {
      nowMs += ms;
    },
    findCode: () => nginx.findFault()?.code,
    noteOld: () => nginx.note({ 'x-forwarded-for': '10.0.0.1' }),
    noteVersion: (version: string, connection = CONNECTION) =>
      nginx.note({ 'x-forwarded-for': '10.0.0.1', 'x-rpmyard-nginx': version, connection }),
    noteDirect: () => nginx.note({ host: 'repo' }),
  };
}

describe('the nginx in front', () => {
  it('is not judged before a request has come through it', () => {
    const watched = createWatched();
    watched.noteDirect();
    expect(watched.findCode()).toBeUndefined();
  });

  it('is outdated from the first request without a version to the first with one, and logged at both', () => {
    const watched = createWatched();
    for (let number = 0; number < 100; number += 1) watched.noteOld();
    expect(watched.findCode()).toBe('NGINX_OUTDATED');
    watched.noteDirect();
    expect(watched.findCode()).toBe('NGINX_OUTDATED');
    for (let number = 0; number < 100; number += 1) watched.noteVersion(String(NGINX_VERSION));
    expect(watched.findCode()).toBeUndefined();
    expect(watched.lines).toMatchObject([{ level: 40, code: 'NGINX_OUTDATED' }, { level: 30 }]);
  });

  it('goes by its new workers while old ones end, and is outdated again when only old ones are left', () => {
    const watched = createWatched();
    watched.noteVersion(String(NGINX_VERSION));
    watched.wait(9 * MINUTE_MS);
    watched.noteOld();
    expect(watched.findCode()).toBeUndefined();
    watched.wait(MINUTE_MS);
    watched.noteOld();
    expect(watched.findCode()).toBe('NGINX_OUTDATED');
  });

  it('may be newer than a service that is about to be restarted', () => {
    const watched = createWatched();
    watched.noteVersion(String(NGINX_VERSION + 1));
    expect(watched.findCode()).toBeUndefined();
  });

  it.each(['0', '', '-1', '1e9', '1, 1', 'x'])('is outdated when its version reads %j', (version) => {
    const watched = createWatched();
    watched.noteVersion(version);
    expect(watched.findCode()).toBe('NGINX_OUTDATED');
  });

  it('is not believed a header that it passes on from a client', () => {
    const watched = createWatched();
    watched.noteVersion(String(NGINX_VERSION), 'close');
    expect(watched.findCode()).toBe('NGINX_OUTDATED');
  });
});

describe('behind the file of a site that includes nothing', () => {
  it('the service works, is ready, and says what to do, whatever a client claims', async () => {
    await using site = await startSite({ confFile: ONE_FILE });
    expect(await putPackage(site.baseUrl, craftRpm({ name: 'a' }), 'wait=30')).toMatchObject({ status: 201 });
    expect((await sendRequest(site.baseUrl, { path: '/repo/9/x86_64/repodata/repomd.xml' })).status).toBe(
      200,
    );
    const headers = { 'x-rpmyard-nginx': String(NGINX_VERSION), connection: CONNECTION };
    const answer = await sendRequest(site.baseUrl, { path: '/readyz', headers });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      status: 'ready',
      faults: [
        { affects: 'nothing', code: 'NGINX_OUTDATED', hint: expect.stringContaining('docs/operations.md') },
      ],
    });
    const metrics = await sendRequest(site.baseUrl, { path: '/metrics' });
    expect(metrics.text).toContain('rpmyard_faults{affects="nothing",code="NGINX_OUTDATED"} 1');
  });
});

describe('behind the files of this version', () => {
  it('nothing is said, through nginx and over the socket itself', async () => {
    await using site = await startSite();
    const ready = JSON.stringify({ status: 'ready', faults: [] });
    expect((await sendRequest(site.baseUrl, { path: '/readyz' })).text).toBe(ready);
    const socket = join(site.stateDir, 'rpmyard.sock');
    const { stdout } = await execa('curl', ['-s', '--unix-socket', socket, 'http://repo/readyz']);
    expect(stdout).toBe(ready);
  });
});
