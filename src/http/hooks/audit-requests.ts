import type { FastifyInstance, FastifyRequest } from 'fastify';
import { headerText } from '../../base/text/header-text.ts';
import type { AuditFacts, AuditLog } from '../../trust/audit-log.ts';
import { changesNothing } from './changes-nothing.ts';
import { createRefusalBudgets } from '../../trust/refusal-budgets.ts';
import { ANONYMOUS, nameOwner } from '../../trust/requester.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Writes a line about one thing that this request did, or that was refused. */
    audit: (facts: AuditFacts) => void;
    isAudited: boolean;
    /** The request that nginx asks about, when this request is such a question. */
    askedFor: { readonly method: string; readonly url: string } | undefined;
    /** The error that the request was answered with. */
    refusal: AuditFacts | undefined;
  }
  interface FastifyContextConfig {
    /** `itself`: the route writes its own lines; the hook adds only those for clients that may not use it. */
    audits?: 'itself';
  }
}

/**
 * Writes a line for each request that changes something or was not allowed to, as soon as it is done and before it is
 * answered. What was done is always written. When one client causes many refusals, some are left out; the next one says
 * how many (`refusalsNotWritten`).
 */
export function auditRequests(app: FastifyInstance, log: AuditLog, now: () => number): void {
  app.decorateRequest('audit');
  app.decorateRequest('isAudited', false);
  app.decorateRequest('askedFor');
  app.decorateRequest('refusal');
  const budgets = createRefusalBudgets(now);

  app.addHook('onRequest', async (request) => {
    request.audit = (facts) => {
      request.isAudited = true;
      write(request, facts);
    };
  });
  app.addHook('onSend', async (request, reply) => {
    if (request.isAudited) return;
    const isRefused = reply.statusCode === 401 || reply.statusCode === 403;
    const isQuiet = changesNothing(request.method) || request.routeOptions.config.audits === 'itself';
    if (isQuiet && !isRefused) return;
    write(request, request.refusal ?? { outcome: 'done' });
  });

  function write(request: FastifyRequest, facts: AuditFacts): void {
    // A request that was refused before the guard has none.
    const requester = request.requester ?? ANONYMOUS;
    const who = requester.isProven ? nameOwner(requester).trim() : null;
    const leftOut = budgets.take(who, facts.outcome);
    if (leftOut !== undefined) log.write({ ...lineOf(request, who, now), ...facts, ...leftOut });
  }
}

function lineOf(request: FastifyRequest, who: string | null, now: () => number): object {
  return {
    time: new Date(now()).toISOString(),
    requestId: request.id,
    who,
    address: request.ip,
    ...(request.askedFor ?? { method: request.method, url: request.originalUrl }),
    buildUrl: headerText(request.headers['x-build-url']),
  };
}
