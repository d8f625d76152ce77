import type { FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import { headerText } from '../../base/text/header-text.ts';
import { AppError } from '../../errors.ts';

// https://tus.io/protocols/resumable-upload, version 1.0.0
export const TUS_VERSION = '1.0.0';

/** The steps that each route of the protocol has before its handler. */
export const TUS_HOOKS: Pick<RouteShorthandOptions, 'onRequest' | 'onSend'> = {
  onRequest: async (request, reply) => checkVersion(request, reply),
  onSend: async (_request, reply) => {
    reply.header('tus-resumable', TUS_VERSION);
  },
};

function checkVersion(request: FastifyRequest, reply: FastifyReply): void {
  const version = headerText(request.headers['tus-resumable']);
  if (request.method === 'OPTIONS' || version === TUS_VERSION) return;
  reply.header('tus-version', TUS_VERSION);
  throw new AppError('TUS_VERSION_UNSUPPORTED', `Tus-Resumable must be ${TUS_VERSION}`, {
    hint: 'Use a client for tus 1.0.0, or send the package with PUT.',
  });
}
