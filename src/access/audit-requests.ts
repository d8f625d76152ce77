import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AuditLog } from './audit-log.ts';
import { NOBODY, type Requester } from './requester.ts';

/** What a handler knows of one thing it did or refused. */
export interface AuditFacts {
  /** `created`, `unchanged`, ... or an error code. */
  readonly outcome: string;
  readonly detail?: string;
  /** The name that a form gave the file, or that it had in the drop directory. */
  readonly file?: string;
  readonly batch?: string;
  readonly nevra?: string;
  readonly sha256?: string;
  readonly sizeBytes?: number;
  readonly repositories?: readonly string[];
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Writes a line of something this request did, or was refused in a part. */
    audit: (facts: AuditFacts) => void;
    isAudited: boolean;
    /** The request that nginx asks about, when this is such a question. */
    askedFor: { readonly method: string; readonly url: string } | undefined;
    /** The error that the request was answered with. */
    refusal: AuditFacts | undefined;
  }
  interface FastifyContextConfig {
    /** `itself`: the route says what is worth a line; beside it only those are written who may not use it. */
    audits?: 'itself';
  }
}

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
// Requests without valid credentials cost their sender nothing: they must not fill the disk.
const ANONYMOUS_REFUSALS_PER_SECOND = 10;
const MAX_BUILD_URL_CHARACTERS = 2048;

/** Writes a line for whatever changes something or was not allowed to: as soon as it is done, and before it is answered. */
export function auditRequests(app: FastifyInstance, log: AuditLog, now: () => number): void {
  app.decorateRequest('audit');
  app.decorateRequest('isAudited', false);
  app.decorateRequest('askedFor');
  app.decorateRequest('refusal');
  const refusals = createBudget(ANONYMOUS_REFUSALS_PER_SECOND, now);

  app.addHook('onRequest', async (request) => {
    request.audit = (facts) => {
      request.isAudited = true;
      write(request, facts);
    };
  });
  app.addHook('onSend', async (request, reply) => {
    if (request.isAudited) return;
    const isRefused = reply.statusCode === 401 || reply.statusCode === 403;
    const isQuiet = READING.has(request.method) || request.routeOptions.config.audits === 'itself';
    if (isQuiet && !isRefused) return;
    write(request, request.refusal ?? { outcome: 'done' });
  });

  function write(request: FastifyRequest, facts: AuditFacts): void {
    // A request that was refused before anybody looked has none.
    const requester = request.requester ?? NOBODY;
    const { isProven } = requester;
    if (!isProven && !refusals.take()) return;
    log.write({ ...lineOf(request, requester, now), ...facts, ...refusals.report() });
  }
}

function lineOf(request: FastifyRequest, requester: Requester, now: () => number): object {
  const { headers } = request;
  const buildUrl = headers['x-build-url'];
  return {
    time: new Date(now()).toISOString(),
    requestId: request.id,
    who: requester.isProven ? `${requester.kind} ${requester.name}`.trim() : null,
    address: request.ip,
    ...(request.askedFor ?? { method: request.method, url: request.url }),
    buildUrl: buildUrl === undefined ? undefined : String(buildUrl).slice(0, MAX_BUILD_URL_CHARACTERS),
  };
}

/** So many a second; what was not written shows as a number in the next line. */
function createBudget(
  perSecond: number,
  now: () => number,
): { readonly take: () => boolean; readonly report: () => object } {
  let second = 0;
  let taken = 0;
  let suppressed = 0;
  return {
    take: () => {
      const current = Math.floor(now() / 1000);
      if (current !== second) taken = 0;
      second = current;
      taken += 1;
      if (taken > perSecond) suppressed += 1;
      return taken <= perSecond;
    },
    report: () => {
      const refusalsNotWritten = suppressed;
      suppressed = 0;
      return refusalsNotWritten === 0 ? {} : { refusalsNotWritten };
    },
  };
}
