import type { FastifyInstance } from 'fastify';
import { AppError } from '../../errors.ts';

const SEE_REPO = 'See /repo/ for what there is.';

/**
 * Refuses every method but GET and HEAD below a path that can only be read, as nginx does for existing and missing
 * files.
 */
export async function refuseMethods(app: FastifyInstance): Promise<void> {
  // A body of any type, which is not read.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setNotFoundHandler(({ method, url }, reply) => {
    if (['GET', 'HEAD'].includes(method))
      throw new AppError('NOT_FOUND', `there is nothing at ${url}`, { hint: SEE_REPO });
    reply.header('allow', 'GET, HEAD');
    throw new AppError('METHOD_NOT_ALLOWED', `this path can only be read, and this is ${method}`, {
      hint: 'Send packages to /upload.',
    });
  });
}
