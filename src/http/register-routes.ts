import type { FastifyInstance, RouteOptions } from 'fastify';
import { refuseMethods } from './repo/refuse-methods.ts';
import { TUS_HOOKS } from './resumable/tus-protocol.ts';
import type { AnyHandler, Route } from './route.ts';
import { type RouteHandlers, ROUTES } from './routes.ts';

export interface RouteTerms {
  /** With a slash at its beginning, as `/upload`. */
  readonly uploadPath: string;
  readonly isBehindNginx: boolean;
}

// Below these nginx takes nothing but GET and HEAD.
const READ_ONLY = ['/repo', '/rpmyard.repo'];

/** Adds every route of the table that this service's clients can use. */
export async function registerRoutes(
  app: FastifyInstance,
  handlers: RouteHandlers,
  terms: RouteTerms,
): Promise<void> {
  const byName: Readonly<Record<string, AnyHandler>> = handlers;
  const routes = Object.entries<Route>(ROUTES).flatMap(([name, row]) => {
    const handler = byName[name];
    if (handler === undefined) throw new Error(`no handler is there for the route ${name}`);
    return toOptions(row, handler, terms);
  });
  for (const route of routes.filter(({ isStreamed }) => !isStreamed)) app.route(route);
  await app.register(async (scope) => {
    leaveBodies(scope);
    for (const route of routes.filter(({ isStreamed }) => isStreamed)) scope.route(route);
  });
  for (const prefix of READ_ONLY) await app.register(refuseMethods, { prefix });
}

/** A route as Fastify takes it; a row of the table with several paths becomes several. */
function toOptions(
  [method, path, needs, query, body, , kind]: Route,
  handler: AnyHandler,
  { uploadPath, isBehindNginx }: RouteTerms,
): readonly (RouteOptions & { readonly isStreamed: boolean })[] {
  if (kind === 'nginx' && !isBehindNginx) return [];
  const isTus = kind === 'tus';
  return [path].flat().map((one) => ({
    method: [method].flat(),
    url: one.replace(/^\/upload(?=\/|$)/, uploadPath),
    config: { needs, query, ...(isTus && { audits: 'itself' as const }) },
    ...(isTus && TUS_HOOKS),
    handler,
    isStreamed: body !== 'none',
  }));
}

/** The body stays a stream until the handler reads it, whatever its type is. */
function leaveBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
}
