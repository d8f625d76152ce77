import fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { auditRequests } from '../../../src/http/hooks/audit-requests.ts';
import { ANONYMOUS, type Requester } from '../../../src/trust/requester.ts';

const CI: Requester = { ...ANONYMOUS, kind: 'token', name: 'ci', isProven: true };
const NOW_MS = 1_800_000_000_000;

interface Audited {
  readonly app: FastifyInstance;
  readonly lines: readonly Record<string, unknown>[];
  atMs: number;
  requester: Requester;
}

async function sendRefused(app: FastifyInstance, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) await app.inject({ method: 'PUT', url: '/refused' });
}

function auditedApp(requester: Requester): Audited {
  const app = fastify();
  const lines: Record<string, unknown>[] = [];
  const audited = { app, lines, atMs: NOW_MS, requester };
  auditRequests(
    app,
    { write: (entry) => void lines.push({ ...entry }), close: async () => undefined },
    () => audited.atMs,
  );
  app.decorateRequest('requester');
  app.addHook('onRequest', async (request) => {
    request.requester = audited.requester;
  });
  app.put('/upload', async (request) => {
    request.audit({ outcome: 'created', nevra: 'a-1-1.noarch' });
    return 'OK';
  });
  app.get('/file', async () => 'OK');
  app.put('/refused', async (request, reply) => {
    request.refusal = { outcome: 'NOT_FOUND' };
    return reply.code(404).send();
  });
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

  it.each([
    ['without credentials', ANONYMOUS, null],
    ['by a token', CI, 'token ci'],
    ['by a claim that nothing has proven, whatever comes of it', { ...CI, isProven: false }, null],
  ])('%s is written 200 times when it is refused, then ten times a minute', async (_, requester, who) => {
    const audited = auditedApp(requester);
    await sendRefused(audited.app, 215);
    expect(audited.lines).toHaveLength(200);
    audited.atMs += 6_000;
    await sendRefused(audited.app, 2);
    expect(audited.lines).toHaveLength(201);
    expect(audited.lines.at(-1)).toMatchObject({ who, refusalsNotWritten: 15 });
    audited.atMs += 12_000;
    await sendRefused(audited.app, 2);
    expect(audited.lines.at(-2)).toMatchObject({ refusalsNotWritten: 1 });
    expect(audited.lines.at(-1)).not.toHaveProperty('refusalsNotWritten');
  });

  it('that did something is written always, whatever its sender was refused before', async () => {
    const { app, lines } = auditedApp(CI);
    await sendRefused(app, 210);
    for (let sent = 0; sent < 210; sent += 1) await app.inject({ method: 'PUT', url: '/upload' });
    expect(lines.filter(({ outcome }) => outcome === 'created')).toHaveLength(210);
  });

  it('that is refused is not left out for what others were refused', async () => {
    const audited = auditedApp(ANONYMOUS);
    await sendRefused(audited.app, 210);
    audited.requester = CI;
    await sendRefused(audited.app, 210);
    audited.requester = { ...CI, name: 'other' };
    await sendRefused(audited.app, 1);
    const written = Map.groupBy(audited.lines, ({ who }) => who);
    expect([...written].map(([who, lines]) => [who, lines.length])).toEqual([
      [null, 200],
      ['token ci', 200],
      ['token other', 1],
    ]);
    expect(audited.lines.at(-1)).not.toHaveProperty('refusalsNotWritten');
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
});
