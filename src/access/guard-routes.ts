import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Access, AskedRequest } from './access.ts';
import { needOfRepositoryPath } from './repository-path.ts';
import { demand, type Need, NOBODY, type Requester } from './requester.ts';
import type { Right } from './rights.ts';

/**
 * What a route asks of who calls it; `route` is the repository that its parameters name, `path` the one that a path
 * below /repo/ lies in.
 */
export type RouteNeeds =
  | 'nothing'
  | { readonly right: Right; readonly in: 'some' | 'all' | 'route' | 'path' };

declare module 'fastify' {
  interface FastifyContextConfig {
    needs?: RouteNeeds;
  }
  interface FastifyRequest {
    /** NOBODY on a route that needs nothing, and after a refusal. */
    requester: Requester;
  }
}

/** Lets nobody through to a route who may not use it; a route that does not say what it needs is a fault. */
export function guardRoutes(app: FastifyInstance, access: Access): void {
  app.decorateRequest('requester');
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.needs === undefined)
      throw new Error(`route ${String(method)} ${url} does not say what it needs`);
  });
  app.addHook('onRequest', async (request) => {
    request.requester = NOBODY;
    const need = needOf(request);
    if (need === 'nothing') return;
    request.requester = access.identify(lineOf(request), need);
    demand(request.requester, need);
  });
}

function lineOf({ method, raw, headers }: FastifyRequest): AskedRequest {
  return { method, url: raw.url ?? '', headers };
}

function needOf({ routeOptions, params }: FastifyRequest): Need | 'nothing' {
  // Where there is no route there is nothing to protect.
  const needs = routeOptions.config.needs ?? 'nothing';
  if (needs === 'nothing') return 'nothing';
  const { right } = needs;
  if (needs.in === 'some' || needs.in === 'all') return { right, in: needs.in };
  const given: Readonly<Record<string, string>> = Object.assign({}, params);
  if (needs.in === 'path') return needOfRepositoryPath(given['*'] ?? '');
  return { right, in: { repository: `${given['releasever'] ?? ''}/${given['basearch'] ?? ''}` } };
}
