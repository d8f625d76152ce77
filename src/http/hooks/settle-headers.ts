import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * Makes every answer say which caches may keep it, and lead to URLs that the client can reach.
 * @param publicPath the path that a proxy in front removes from the beginning of each URL; empty without one.
 */
export function settleHeaders(app: FastifyInstance, publicPath: string): void {
  app.addHook('onSend', async (request, reply) => {
    keepPrivate(request, reply);
    leadBelow(publicPath, reply);
  });
}

/**
 * An answer to a request with credentials is for that client alone. Not every shared cache knows this for an
 * Authorization header (nginx's proxy_cache does not), and none knows it for a signature.
 */
function keepPrivate({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (headers.authorization === undefined && headers['x-signature'] === undefined) return;
  const given = reply.getHeader('cache-control');
  if (given === 'no-store') return;
  reply.header('cache-control', given === undefined ? 'private' : `private, ${String(given)}`);
}

/** Routes know the path at which a request arrives; the client's path also has the part that a proxy removed. */
function leadBelow(publicPath: string, reply: FastifyReply): void {
  const location = reply.getHeader('location');
  if (typeof location === 'string' && location.startsWith('/')) {
    reply.header('location', `${publicPath}${location}`);
  }
}
