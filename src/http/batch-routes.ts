import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Requester } from '../trust/requester.ts';
import { toAppError } from '../errors.ts';
import type { Commit } from '../intake/commit-batch.ts';
import type { UploadOutcome } from '../api/upload-outcome.ts';
import { type Batch, type BatchSummary, contentOf } from '../storage/batch-store.ts';
import { batchUrl } from '../intake/batch-url.ts';

export interface BatchRoutesOptions {
  /** Those that the requester may read. */
  readonly list: (requester: Requester) => Promise<readonly BatchSummary[]>;
  /** @throws AppError NOT_FOUND, also of one that the requester may not read. */
  readonly read: (id: string, requester: Requester) => Promise<Batch>;
  readonly outcomesOf: (batch: Batch) => Promise<readonly UploadOutcome[]>;
  /**
   * A client that asks while a commit runs waits for the same.
   * @throws AppError NOT_FOUND, BATCH_REFUSED, BATCH_UNPLACED, RIGHT_MISSING.
   */
  readonly commit: (id: string, requester: Requester) => Promise<Commit>;
  /** @throws AppError NOT_FOUND, BATCH_COMMITTED, RIGHT_MISSING. */
  readonly drop: (id: string, requester: Requester) => Promise<void>;
  readonly waitUntilInstallable: (
    outcome: UploadOutcome,
    waitMs: number,
  ) => Promise<UploadOutcome | 'pending'>;
  /** How the upload of a package is answered in text; `pending`: it is in no index yet. */
  readonly lineOf: (outcome: UploadOutcome, state: 'settled' | 'pending') => string;
  readonly parseWaitMs: (wait: string | undefined) => number | undefined;
  /** How long a batch is kept after it last changed. */
  readonly keepMs: number;
  /** Without a slash at its end. */
  readonly publicUrl: string;
}

type BatchParams = { readonly id: string };
type CommitRequest = FastifyRequest<{ Params: BatchParams; Querystring: { readonly wait?: string } }>;

// When nothing is said, as long as a ?wait= may be: nginx gives up later.
const ANSWER_WITHIN_MS = 50_000;

const schema = {
  querystring: { type: 'object', properties: { wait: { type: 'string' } } },
} as const;

/** /api/v1/batches: packages that appear together or not at all. Members come in as uploads that name it. */
export async function batchRoutes(app: FastifyInstance, options: BatchRoutesOptions): Promise<void> {
  const reading = { needs: { right: 'read', in: 'some' } } as const;
  const changing = { needs: { right: 'upload', in: 'some' } } as const;

  app.get('/api/v1/batches', { config: reading }, async ({ requester }) => {
    const batches = await options.list(requester);
    return { batches: batches.map(describe) };
  });

  app.get<{ Params: BatchParams }>('/api/v1/batches/:id', { config: reading }, async (request) => {
    const batch = await options.read(request.params.id, request.requester);
    const packages = await options.outcomesOf(batch);
    return { ...describe({ ...batch, ...contentOf(batch.members) }), packages };
  });

  app.post<{ Params: BatchParams; Querystring: { readonly wait?: string } }>(
    '/api/v1/batches/:id/commit',
    { schema, config: changing },
    commit,
  );

  app.delete<{ Params: BatchParams }>('/api/v1/batches/:id', { config: changing }, async (request, reply) => {
    const { id } = request.params;
    await options.drop(id, request.requester);
    request.audit({ outcome: 'batch dropped', batch: id });
    return reply.code(204).send();
  });

  async function commit(request: CommitRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { id } = request.params;
    const waitMs = options.parseWaitMs(request.query.wait);
    const committing = commitAudited(id, request);
    const outcomes = await within(waitMs ?? ANSWER_WITHIN_MS, committing);
    if (outcomes === undefined) {
      // It goes on, and this request no longer answers what it meets.
      committing.catch((error: unknown) => request.logError(toAppError(error), { batch: id }));
      const batch = await options.read(id, request.requester);
      request.audit({ outcome: 'batch committing', batch: id });
      return wantsText(request)
        ? sendText(
            reply,
            202,
            `WAITING - Batch ${id} is being committed, ask ${batchUrl(options.publicUrl, id)}\n`,
          )
        : reply.code(202).send(documentOf(batch.id, batch.state, await options.outcomesOf(batch)));
    }
    if (waitMs === undefined) return sendCommitted(request, reply, outcomes, outcomes);
    const restMs = Math.max(0, waitMs - reply.elapsedTime);
    const settled = await Promise.all(
      outcomes.map((outcome) => options.waitUntilInstallable(outcome, restMs)),
    );
    return sendCommitted(request, reply, outcomes, settled);
  }

  /** In text a line for each package, as its upload without a batch would have been answered. */
  function sendCommitted(
    request: CommitRequest,
    reply: FastifyReply,
    outcomes: readonly UploadOutcome[],
    settled: readonly (UploadOutcome | 'pending')[],
  ): FastifyReply {
    const status = settled.includes('pending') ? 202 : 200;
    const packages = outcomes.map((outcome, index) => {
      const result = settled[index] ?? outcome;
      return result === 'pending'
        ? { outcome, line: options.lineOf(outcome, 'pending') }
        : { outcome: result, line: options.lineOf(result, 'settled') };
    });
    return wantsText(request)
      ? sendText(reply, status, packages.map(({ line }) => line).join(''))
      : reply.code(status).send(
          documentOf(
            request.params.id,
            'committed',
            packages.map(({ outcome }) => outcome),
          ),
        );
  }

  /** The line is written when it has happened, be the answer sent by then or not. */
  async function commitAudited(id: string, request: FastifyRequest): Promise<readonly UploadOutcome[]> {
    try {
      const { isNew, packages } = await options.commit(id, request.requester);
      const places = packages.flatMap((one) => one.places);
      const repositories = [...new Set(places.map(({ repository }) => repository))];
      request.audit({ outcome: isNew ? 'batch committed' : 'unchanged', batch: id, repositories });
      return packages;
    } catch (error) {
      const { code, message } = toAppError(error);
      request.audit({ outcome: code, detail: message, batch: id });
      throw error;
    }
  }

  function describe(summary: BatchSummary): object {
    const { id, state, packageCount, sizeBytes, repositories, changedAtMs } = summary;
    return {
      batch: id,
      state,
      packageCount,
      sizeBytes,
      repositories,
      changedAt: new Date(changedAtMs).toISOString(),
      keptUntil: new Date(changedAtMs + options.keepMs).toISOString(),
    };
  }
}

/** Below /api the answer is JSON unless text alone is asked for. */
function wantsText({ headers, wantsJson }: FastifyRequest): boolean {
  return !wantsJson && /\btext\/plain\b/i.test(headers.accept ?? '');
}

function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(text);
}

function documentOf(batch: string, state: Batch['state'], packages: readonly UploadOutcome[]): object {
  return { batch, state, packages };
}

/** Undefined when the time is up first. */
async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), limitMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
