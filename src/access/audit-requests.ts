import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuditLog } from './audit-log.ts';
import { NOBODY } from './requester.ts';

/** What a handler knows of one thing it did or refused. */
export interface AuditFacts {
  /** `created`, `unchanged`, ... or an error code. */
  readonly outcome: string;
  readonly detail?: string;
  /** The name that a form gave the file. */
  readonly file?: string;
  readonly nevra?: string;
  readonly sha256?: string;
  readonly sizeBytes?: number;
  readonly repositories?: readonly string[];
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the handler: a line each. */
    audit: AuditFacts[];
    /** The request that nginx asks about, when this is such a question. */
    askedFor: { readonly method: string; readonly url: string } | undefined;
    /** The error that the request was answered with. */
    refusal: AuditFacts | undefined;
  }
}

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
// Requests without valid credentials cost their sender nothing: they must not fill the disk.
const ANONYMOUS_REFUSALS_PER_SECOND = 10;
const MAX_BUILD_URL_CHARACTERS = 2048;

/** Writes a line for whatever changes something or was not allowed to, before it is answered. */
export function auditRequests(app: FastifyInstance, log: AuditLog, now: () => number): void {
  app.decorateRequest('audit');
  app.decorateRequest('askedFor');
  app.decorateRequest('refusal');
  const refusals = createBudget(ANONYMOUS_REFUSALS_PER_SECOND, now);

  app.addHook('onRequest', async (request) => {
    request.audit = [];
  });
  app.addHook('onSend', async (request, reply) => {
    const isRefused = reply.statusCode === 401 || reply.statusCode === 403;
    if (READING.has(request.method) && !isRefused) return;
    if (request.requester === NOBODY && !refusals.take()) return;
    const facts = request.audit.length > 0 ? request.audit : [request.refusal ?? { outcome: 'done' }];
    for (const one of facts) log.write({ ...lineOf(request, reply, now), ...one, ...refusals.report() });
  });
}

function lineOf(request: FastifyRequest, reply: FastifyReply, now: () => number): object {
  const { requester, headers } = request;
  const buildUrl = headers['x-build-url'];
  return {
    time: new Date(now()).toISOString(),
    requestId: request.id,
    who: requester === NOBODY ? null : `${requester.kind} ${requester.name}`.trim(),
    address: request.ip,
    ...(request.askedFor ?? { method: request.method, url: request.url }),
    status: reply.statusCode,
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
