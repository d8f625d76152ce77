import fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { auditRequests } from '../../src/access/audit-requests.ts';
import { NOBODY, type Requester } from '../../src/access/requester.ts';

const CI: Requester = { ...NOBODY, kind: 'token', name: 'ci', isProven: true };
const NOW_MS = 1_800_000_000_000;

interface Audited {
  readonly app: FastifyInstance;
  readonly lines: readonly Record<string, unknown>[];
  atMs: number;
}

function auditedApp(requester: Requester): Audited {
  const app = fastify();
  const lines: Record<string, unknown>[] = [];
  const audited = { app, lines, atMs: NOW_MS };
  auditRequests(
    app,
    { write: (entry) => void lines.push({ ...entry }), close: async () => undefined },
    () => audited.atMs,
  );
  app.decorateRequest('requester');
  app.addHook('onRequest', async (request) => {
    request.requester = requester;
  });
  app.put('/upload', async (request) => {
    request.audit({ outcome: 'created', nevra: 'a-1-1.noarch' });
    return 'OK';
  });
  app.get('/file', async () => 'OK');
  app.put('/refused', async (_request, reply) => reply.code(401).send());
  app.get('/refused', async (_request, reply) => reply.code(403).send());
  return audited;
}

describe('an audited request', () => {
  it('is a line when it changes something or is refused, and none when it only reads', async () => {
    const { app, lines } = auditedApp(CI);
    for (const [method, url] of [
      ['PUT', '/upload'],
      ['GET', '/file'],
      ['GET', '/refused'],
    ] as const) {
      await app.inject({ method, url });
    }
    expect(lines).toMatchObject([
      {
        who: 'token ci',
        method: 'PUT',
        url: '/upload',
        outcome: 'created',
        nevra: 'a-1-1.noarch',
      },
      { who: 'token ci', method: 'GET', url: '/refused' },
    ]);
  });

  it('cannot claim to have been another one', async () => {
    const { app, lines } = auditedApp(CI);
    const headers = { 'x-original-method': 'GET', 'x-original-uri': '/repo/harmless' };
    await app.inject({ method: 'PUT', url: '/upload?wait=5', headers });
    expect(lines).toMatchObject([{ method: 'PUT', url: '/upload?wait=5' }]);
  });

  it('by nobody fills the log with ten lines a second at most, and says how many are missing', async () => {
    const audited = auditedApp(NOBODY);
    for (let sent = 0; sent < 15; sent += 1) await audited.app.inject({ method: 'PUT', url: '/refused' });
    expect(audited.lines).toHaveLength(10);
    audited.atMs += 1_000;
    await audited.app.inject({ method: 'PUT', url: '/refused' });
    expect(audited.lines.at(-1)).toMatchObject({ who: null, refusalsNotWritten: 5 });
    await audited.app.inject({ method: 'PUT', url: '/refused' });
    expect(audited.lines.at(-1)).not.toHaveProperty('refusalsNotWritten');
  });

  it('by somebody is written each time', async () => {
    const { app, lines } = auditedApp(CI);
    for (let sent = 0; sent < 15; sent += 1) await app.inject({ method: 'PUT', url: '/refused' });
    expect(lines).toHaveLength(15);
  });

  it('is by nobody as long as only a claim says who it is, whatever comes of it', async () => {
    const { app, lines } = auditedApp({ ...CI, isProven: false });
    for (let sent = 0; sent < 15; sent += 1) await app.inject({ method: 'PUT', url: '/upload?bogus=1' });
    expect(lines).toHaveLength(10);
    expect(lines[0]).toMatchObject({ who: null });
  });

  it('is a line as soon as something is done, before it is answered', async () => {
    const { app, lines } = auditedApp(CI);
    let linesBefore = 0;
    app.put('/waits', async (request) => {
      request.audit({ outcome: 'created' });
      linesBefore = lines.length;
      return 'OK';
    });
    await app.inject({ method: 'PUT', url: '/waits' });
    expect([linesBefore, lines.length]).toEqual([1, 1]);
  });

  it('may name its build by a URL of at most 2,048 characters', async () => {
    const { app, lines } = auditedApp(CI);
    const headers = { 'x-build-url': `https://ci.example.com/${'x'.repeat(3000)}` };
    await app.inject({ method: 'PUT', url: '/upload', headers });
    expect(String(lines[0]?.['buildUrl'])).toHaveLength(2048);
  });
});
