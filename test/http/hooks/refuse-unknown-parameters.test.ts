import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { describe, expect, it } from 'vitest';
import { buildTestApp } from '../../support/test-app.ts';

/** What is added to these changes nothing: caches, probes and hosts may do so. */
const IGNORING = [
  'GET /',
  'GET /healthz',
  'GET /metrics',
  'GET /readyz',
  'GET /repo',
  'GET /repo/*',
  'GET /rpmyard.repo',
  'GET /auth/read',
  'GET /auth/upload',
  'OPTIONS /upload/resumable',
  // They only say which methods there are.
  ...['/upload', '/upload/'].flatMap((url) => ['GET', 'DELETE', 'PATCH'].map((method) => `${method} ${url}`)),
];

interface Route {
  readonly method: NonNullable<InjectOptions['method']>;
  readonly url: string;
}

/** Every route of the service, as each is added to the app. */
async function openAppWithRoutes() {
  const routes: Route[] = [];
  const listen = (message: unknown): void => {
    if (!isInitialization(message)) throw new Error('fastify tells of something else');
    message.fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) routes.push({ method: one, url });
    });
  };
  subscribe('fastify.initialization', listen);
  const service = await buildTestApp({ upload: { uploadHeader: 'x-spool-file' } });
  unsubscribe('fastify.initialization', listen);
  return Object.assign(service, { routes });
}

function isInitialization(message: unknown): message is { readonly fastify: FastifyInstance } {
  return typeof message === 'object' && message !== null && 'fastify' in message;
}

async function ask(app: FastifyInstance, { method, url }: Route, query: string) {
  const path = url.replace('*', 'x.rpm').replace(/:\w+/g, 'x');
  const headers = { accept: 'application/json', 'tus-resumable': '1.0.0' };
  return app.inject({ method, url: `${path}?${query}`, headers });
}

function isRefusing({ method, url }: Route): boolean {
  return !IGNORING.includes(`${method === 'HEAD' && !url.includes(':id') ? 'GET' : method} ${url}`);
}

describe('a parameter', () => {
  it.each(['wiat=50', 'Wait=50', 'wait=50&x=', '__proto__=1', 'constructor=1', 'wait[]=1', '=1'])(
    'that no route knows (?%s) is refused by each that takes one or changes something',
    async (query) => {
      await using service = await openAppWithRoutes();
      const refusing = service.routes.filter(isRefusing);
      expect(refusing.length).toBeGreaterThan(20);
      for (const route of refusing) {
        const answer = await ask(service.app, route, query);
        const what = `${route.method} ${route.url}`;
        expect(answer.statusCode, what).toBe(400);
        // The answer to HEAD has no body.
        expect(answer.body, what).toMatch(/^$|"code":"PARAMETER_INVALID"/);
      }
    },
  );

  it.each(['wait=1&wait=2', 'releasever=9&releasever=10', 'full=1&full=1'])(
    'that is given twice (?%s) is refused',
    async (query) => {
      await using service = await openAppWithRoutes();
      for (const route of service.routes.filter(isRefusing)) {
        const answer = await ask(service.app, route, query);
        expect(answer.statusCode, `${route.method} ${route.url}`).toBe(400);
      }
    },
  );

  it('is ignored by the few routes of which it changes nothing', async () => {
    await using service = await openAppWithRoutes();
    const known = service.routes.map(({ method, url }) => `${method} ${url}`);
    expect(known).toEqual(expect.arrayContaining(IGNORING));
    for (const route of service.routes.filter((route) => !isRefusing(route))) {
      const { statusCode } = await ask(service.app, route, 'cache=1&cache=2');
      expect(statusCode, `${route.method} ${route.url}`).not.toBe(400);
    }
  });
});
