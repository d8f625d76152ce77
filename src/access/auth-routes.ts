import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { toAppError } from '../errors.ts';
import { headerText } from '../header-text.ts';
import type { Access, AskedRequest } from './access.ts';
import { needOfRepositoryUrl } from './repository-path.ts';
import { refuseCrossSite } from './refuse-cross-site.ts';
import { demand, type Need } from './requester.ts';

/**
 * What the nginx in front asks before it takes a body or serves a file (auth_request): 204, 401 or 403. X-Original-URI
 * and X-Original-Method tell of which request; it gives code, detail and hint in headers, as nginx drops the body.
 */
export async function authRoutes(
  app: FastifyInstance,
  { access, publicUrl }: { readonly access: Access; readonly publicUrl: string },
): Promise<void> {
  const config = { needs: 'nothing', query: 'ignored' } as const;

  // The upload itself comes here afterwards; what is read, nginx gives away.
  app.get('/auth/upload', { config }, (request, reply) =>
    answer(request, reply, { right: 'upload', in: 'some' }, 'look'),
  );
  app.get('/auth/read', { config }, (request, reply) =>
    answer(request, reply, needOfRepositoryUrl(originalOf(request).url), 'consume'),
  );

  function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    need: Need | 'nothing',
    use: 'look' | 'consume',
  ): FastifyReply {
    const original = originalOf(request);
    request.askedFor = { method: original.method, url: original.url };
    try {
      refuseCrossSite(original, publicUrl);
      if (need !== 'nothing') {
        request.requester = access.identify(original, need, use);
        demand(request.requester, need);
      }
      return reply.code(204).send();
    } catch (thrown) {
      const error = toAppError(thrown);
      reply
        .header('x-rpmyard-code', error.code)
        .header('x-rpmyard-detail', quotable(error.message))
        .header('x-rpmyard-hint', quotable(error.hint));
      throw error;
    }
  }
}

function originalOf({ headers, method }: FastifyRequest): AskedRequest {
  return {
    method: headerText(headers['x-original-method']) ?? method,
    url: headerText(headers['x-original-uri']) ?? '',
    headers,
  };
}

/** nginx puts it between quotes without any escaping. */
function quotable(message: string): string {
  return message.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?');
}
