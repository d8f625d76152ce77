import fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { createAccess } from '../../../src/trust/access.ts';
import { guardRoutes } from '../../../src/http/hooks/guard-routes.ts';
import type { RouteNeeds } from '../../../src/http/route.ts';
import { hashToken, newToken } from '../../../src/trust/token-hash.ts';
import { AppError, toAppError } from '../../../src/errors.ts';
import { createRequester, type Requester } from '../../../src/trust/requester.ts';
import { createRights } from '../../../src/trust/rights.ts';

const TOKEN = newToken();

function guardedApp(): FastifyInstance {
  const app = fastify();
  const access = createAccess({
    tokens: [{ name: 'ci', hash: hashToken(TOKEN), upload: ['9/*'] }],
    keys: [],
    requireCredentials: false,
    publicRead: [],
    localToken: newToken(),
    nonces: { isNonceUsed: async () => false, useNonce: async () => true },
    now: Date.now,
  });
  guardRoutes(app, { access, publicUrl: 'https://repo.example.com' });
  app.setErrorHandler((error, _request, reply) => reply.code(toAppError(error).statusCode).send());
  return app;
}

async function statusOf(needs: RouteNeeds, path: string, url: string): Promise<number> {
  const app = guardedApp();
  app.get(path, { config: { needs } }, async () => 'in');
  const { statusCode } = await app.inject({ url, headers: { authorization: `Bearer ${TOKEN}` } });
  return statusCode;
}

describe('a route', () => {
  it('that does not say what it needs cannot be made', () => {
    expect(() => guardedApp().get('/forgotten', async () => 'in')).toThrow('GET /forgotten');
    expect(() => guardedApp().get('/forgotten', { config: {} }, async () => 'in')).toThrow('/forgotten');
  });

  it.each<[RouteNeeds, string, string, number]>([
    ['nothing', '/x', '/x', 200],
    [{ right: 'upload', in: 'some' }, '/x', '/x', 200],
    [{ right: 'upload', in: 'all' }, '/x', '/x', 403],
    [{ right: 'admin', in: 'some' }, '/x', '/x', 403],
    [{ right: 'upload', in: 'route' }, '/:releasever/:basearch', '/9/x86_64', 200],
    [{ right: 'upload', in: 'route' }, '/:releasever/:basearch', '/10/x86_64', 403],
    [{ right: 'upload', in: 'route' }, '/other/:name', '/other/9', 404],
    [{ right: 'upload', in: 'route' }, '/:releasever/:basearch', `/9/${'x'.repeat(65)}`, 404],
    [{ right: 'upload', in: 'route' }, '/:releasever/:basearch', '/10/x%22y', 404],
    [{ right: 'read', in: 'path' }, '/repo/*', '/repo/9/x86_64/a', 200],
    [{ right: 'read', in: 'path' }, '/repo/*', '/repo/10/x86_64/a', 403],
    [{ right: 'read', in: 'path' }, '/repo/*', '/repo/10/x86_64.repo', 200],
  ])('that needs %j as %s answers %s with %i', async (needs, path, url, status) => {
    expect(await statusOf(needs, path, url)).toBe(status);
  });

  it('that changes something refuses what a page of another site sends, with a good token too', async () => {
    const app = guardedApp();
    const needs = { right: 'upload', in: 'some' } as const;
    app.post('/x', { config: { needs } }, async () => 'in');
    app.get('/x', { config: { needs } }, async () => 'in');
    const authorization = `Bearer ${TOKEN}`;
    const statuses = [];
    for (const origin of ['https://evil.example', 'https://repo.example.com'])
      for (const method of ['POST', 'GET'] as const) {
        const { statusCode } = await app.inject({ method, url: '/x', headers: { authorization, origin } });
        statuses.push(statusCode);
      }
    expect(statuses).toEqual([403, 200, 200, 200]);
  });

  it('that asks twice at once who sent a request counts the nonce of its signature once', async () => {
    const app = fastify();
    const caller = createRequester({ kind: 'key', name: 'ci', rights: createRights({}), isProven: true });
    let asked = 0;
    const identify = async (): Promise<Requester> => {
      asked += 1;
      if (asked > 1)
        throw new AppError('SIGNATURE_REPLAYED', 'the nonce was used before', { hint: 'Sign it anew.' });
      return caller;
    };
    guardRoutes(app, { access: { identify }, publicUrl: 'https://repo.example.com' });
    app.get('/x', { config: { needs: 'nothing' } }, async (request) => {
      const callers = await Promise.all([request.identifyFor('read'), request.identifyFor('read')]);
      return callers.map(({ name }) => name);
    });
    expect((await app.inject({ url: '/x' })).json()).toEqual(['ci', 'ci']);
  });
});
