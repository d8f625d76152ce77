import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ERROR_STATUS } from '../errors.ts';
import { headerText } from '../header-text.ts';
import { createLineBudget, type LineBudget } from '../line-budget.ts';
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
  /** The id of an upload in pieces. */
  readonly upload?: string;
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
// What is refused costs its sender nothing: it must not fill the disk. A line has less than 4 KB, so that in the worst day 60 MB
// come from all anonymous clients together, and as much from each token and key. A client that tries again each minute, and a
// hundred build jobs that fail at once, are written in full.
const REFUSALS = { burst: 200, perMinute: 10 };

/**
 * Writes a line for whatever changes something or was not allowed to: as soon as it is done, and before it is answered. What
 * was done is always written. Of many refusals of one client some are left out; the next one says how many
 * (`refusalsNotWritten`).
 */
export function auditRequests(app: FastifyInstance, log: AuditLog, now: () => number): void {
  app.decorateRequest('audit');
  app.decorateRequest('isAudited', false);
  app.decorateRequest('askedFor');
  app.decorateRequest('refusal');
  // As many as there are tokens and keys: those who prove nothing share one.
  const budgets = new Map<string, LineBudget>();

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
    const isRefusal = !requester.isProven || Object.hasOwn(ERROR_STATUS, facts.outcome);
    const refusalsNotWritten = isRefusal ? budgetOf(requester).take() : 0;
    if (refusalsNotWritten === undefined) return;
    const left = refusalsNotWritten === 0 ? {} : { refusalsNotWritten };
    log.write({ ...lineOf(request, requester, now), ...facts, ...left });
  }

  function budgetOf(requester: Requester): LineBudget {
    const name = nameOf(requester) ?? '';
    const budget = budgets.get(name) ?? createLineBudget(REFUSALS, now);
    budgets.set(name, budget);
    return budget;
  }
}

function lineOf(request: FastifyRequest, requester: Requester, now: () => number): object {
  return {
    time: new Date(now()).toISOString(),
    requestId: request.id,
    who: nameOf(requester),
    address: request.ip,
    ...(request.askedFor ?? { method: request.method, url: request.url }),
    buildUrl: headerText(request.headers['x-build-url']),
  };
}

/** Null of who has not shown to be somebody. */
function nameOf({ isProven, kind, name }: Requester): string | null {
  return isProven ? `${kind} ${name}`.trim() : null;
}
