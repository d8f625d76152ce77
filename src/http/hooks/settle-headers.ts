import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * Has every answer say whose it is, and lead where the client finds it.
 * @param publicPath what a proxy in front takes away from the beginning of each path; empty where there is none.
 */
export function settleHeaders(app: FastifyInstance, publicPath: string): void {
  app.addHook('onSend', async (request, reply) => {
    keepPrivate(request, reply);
    leadBelow(publicPath, reply);
  });
}

/**
 * What is given for credentials is for that client alone. Not every shared cache knows that of an Authorization (nginx's
 * proxy_cache does not), none of a signature.
 */
function keepPrivate({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (headers.authorization === undefined && headers['x-signature'] === undefined) return;
  const given = reply.getHeader('cache-control');
  if (given === 'no-store') return;
  reply.header('cache-control', given === undefined ? 'private' : `private, ${String(given)}`);
}

/** Routes know the path at which a request arrives; a client also knows the one that a proxy took away from it. */
function leadBelow(publicPath: string, reply: FastifyReply): void {
  const location = reply.getHeader('location');
  if (typeof location === 'string' && location.startsWith('/')) {
    reply.header('location', `${publicPath}${location}`);
  }
}
