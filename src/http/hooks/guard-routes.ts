import type { FastifyInstance, FastifyRequest } from 'fastify';
import { toAppError } from '../../errors.ts';
import { parseRepositoryParams } from '../repository-params.ts';
import type { Access, AskedRequest } from '../../trust/access.ts';
import { isCrossSite, refuseCrossSite } from './refuse-cross-site.ts';
import { needOfRepositoryPath } from './repository-path.ts';
import type { RouteNeeds } from '../route.ts';
import {
  demand,
  demandProven,
  type Need,
  ANONYMOUS,
  nameOwner,
  type Requester,
} from '../../trust/requester.ts';
import type { Right } from '../../trust/rights.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    needs?: RouteNeeds;
  }
  interface FastifyRequest {
    /** ANONYMOUS on a route that needs nothing, and after a refusal. */
    requester: Requester;
    /**
     * The requester, examined for a further right. Where every client may do what the route needs, the guard has read
     * no credentials. ANONYMOUS when they are wrong, because the route itself needs none.
     */
    identifyFor: (right: Right) => Promise<Requester>;
    /**
     * The owner of what the request leaves on the server without a file that could prove who sent it.
     * @throws AppError SIGNATURE_INVALID.
     */
    demandOwner: () => string;
  }
}

/**
 * Lets a client use a route only when it has the right, and refuses pages of other sites (`publicUrl`: how clients
 * reach the service). A route that does not say what it needs is a fault. A text that cannot be the name of a
 * repository is NOT_FOUND before it is compared with any rule.
 */
export function guardRoutes(
  app: FastifyInstance,
  { access, publicUrl }: { readonly access: Access; readonly publicUrl: string },
): void {
  app.decorateRequest('requester');
  app.decorateRequest('identifyFor');
  app.decorateRequest('demandOwner', function (this: FastifyRequest) {
    demandProven(this.requester);
    return nameOwner(this.requester);
  });
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.needs === undefined)
      throw new Error(`route ${String(method)} ${url} does not say what it needs`);
  });
  app.addHook('onRequest', async (request) => {
    request.requester = ANONYMOUS;
    // Checked before the credentials, which a browser adds by itself.
    refuseCrossSite(lineOf(request), publicUrl);
    // A signature is good for one request, so its result is kept as long as the request, and questions wait for each other.
    let shown = Promise.resolve(ANONYMOUS);
    request.identifyFor = async (right) => {
      // A page of another site may make a browser read, and nothing more.
      if (isCrossSite(request.headers, publicUrl)) return ANONYMOUS;
      if (request.requester.kind !== 'anonymous') return request.requester;
      shown = shown.then((known) =>
        known.kind === 'anonymous' ? identifyOrAnonymous(request, right) : known,
      );
      return shown;
    };
    const need = findNeed(request);
    if (need === 'nothing') return;
    request.requester = await access.identify(lineOf(request), need);
    demand(request.requester, need);
  });

  async function identifyOrAnonymous(request: FastifyRequest, right: Right): Promise<Requester> {
    try {
      return await access.identify(lineOf(request), { right, in: 'some' });
    } catch (error) {
      if (toAppError(error).statusCode >= 500) throw error;
      return ANONYMOUS;
    }
  }
}

function lineOf({ method, originalUrl, headers }: FastifyRequest): AskedRequest {
  return { method, url: originalUrl, headers };
}

function findNeed({ routeOptions, params }: FastifyRequest): Need | 'nothing' {
  // A request without a route needs no protection.
  const needs = routeOptions.config.needs ?? 'nothing';
  if (needs === 'nothing') return 'nothing';
  const { right } = needs;
  if (needs.in === 'some' || needs.in === 'all') return { right, in: needs.in };
  const given: Readonly<Record<string, string>> = Object.assign({}, params);
  if (needs.in === 'path') return needOfRepositoryPath(given['*'] ?? '');
  const { releasever = '', basearch = '' } = given;
  return { right, in: { repository: parseRepositoryParams({ releasever, basearch }) } };
}
