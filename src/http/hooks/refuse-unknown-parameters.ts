import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `ignored`: the route takes no parameters, and what a cache or a probe adds to its URL changes nothing. */
    query?: 'ignored';
  }
}

/**
 * Has every route refuse parameters that its schema does not name: one that is misspelled (`?wiat=50`) must not be passed
 * over without a word. A parameter is a string, so one that is given twice is refused as well.
 */
export function refuseUnknownParameters(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.config?.query === 'ignored') return;
    route.schema = { ...route.schema, querystring: closed(route.schema?.querystring) };
  });
}

function closed(querystring: unknown): object {
  const known = typeof querystring === 'object' ? querystring : {};
  return { type: 'object', ...known, additionalProperties: false };
}
