import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CommitDocument } from '../../api/batch-documents.ts';
import type { UploadOutcome } from '../../api/upload-outcome.ts';
import { waitAtMost } from '../../base/turns/wait-at-most.ts';
import { toAppError } from '../../errors.ts';
import { batchUrl } from '../../intake/batch-url.ts';
import type { Batch } from '../../storage/batch-store.ts';
import type { BatchOptions } from '../batch-options.ts';
import type { RequestOf } from '../routes.ts';
import { MAX_WAIT_SECONDS, parseWaitMs, remainingMs } from '../wait-query.ts';

type CommitRequest = RequestOf<'commitBatch'>;

// The time limit without ?wait=: as long as a ?wait= may be, because nginx gives up later.
const ANSWER_WITHIN_MS = MAX_WAIT_SECONDS * 1000;

/** Commits a batch, or takes part in the commit that is under way, and answers within the time that the client gives it. */
export async function answerCommit(
  request: CommitRequest,
  reply: FastifyReply,
  options: BatchOptions,
): Promise<FastifyReply> {
  const waitMs = parseWaitMs(request.query.wait);
  const committing = commitAudited(request, options);
  const outcomes = await waitAtMost(waitMs ?? ANSWER_WITHIN_MS, committing, () => undefined);
  if (outcomes === undefined) {
    const { id: batch } = request.params;
    // The commit goes on, and this request does not answer its end any more.
    committing.catch((error: unknown) => request.logError(toAppError(error), { batch }));
    return sendUnderWay(request, reply, options);
  }
  if (waitMs === undefined) {
    const packages = outcomes.map((outcome) => settledPackage(outcome, outcome, options));
    return sendCommitted(request, reply, packages);
  }
  const restMs = remainingMs(waitMs, reply);
  const packages = await Promise.all(
    outcomes.map(async (outcome) =>
      settledPackage(outcome, await options.waitUntilInstallable(outcome, restMs), options),
    ),
  );
  return sendCommitted(request, reply, packages);
}

/** The audit line is written when the commit has happened, before or after the answer. */
async function commitAudited(
  request: CommitRequest,
  options: BatchOptions,
): Promise<readonly UploadOutcome[]> {
  const { id } = request.params;
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

async function sendUnderWay(
  request: CommitRequest,
  reply: FastifyReply,
  options: BatchOptions,
): Promise<FastifyReply> {
  const { id } = request.params;
  const batch = await options.read(id, request.requester);
  request.audit({ outcome: 'batch committing', batch: id });
  if (wantsText(request)) {
    const url = batchUrl(options.publicUrl, id);
    return sendText(reply, 202, `WAITING - Batch ${id} is being committed, ask ${url}\n`);
  }
  return reply.code(202).send(toDocument(batch.id, batch.state, await options.outcomesOf(batch)));
}

/** A package of the batch, as the answer to its upload without a batch would show it. */
interface CommittedPackage {
  readonly outcome: UploadOutcome;
  /** The answer in text. */
  readonly line: string;
  readonly isPending: boolean;
}

function settledPackage(
  outcome: UploadOutcome,
  settled: UploadOutcome | 'pending',
  { lineOf }: Pick<BatchOptions, 'lineOf'>,
): CommittedPackage {
  return settled === 'pending'
    ? { outcome, line: lineOf(outcome, 'pending'), isPending: true }
    : { outcome: settled, line: lineOf(settled, 'settled'), isPending: false };
}

function sendCommitted(
  request: CommitRequest,
  reply: FastifyReply,
  packages: readonly CommittedPackage[],
): FastifyReply {
  const status = packages.some(({ isPending }) => isPending) ? 202 : 200;
  if (wantsText(request)) return sendText(reply, status, packages.map(({ line }) => line).join(''));
  const outcomes = packages.map(({ outcome }) => outcome);
  return reply.code(status).send(toDocument(request.params.id, 'committed', outcomes));
}

/** Below /api the answer is JSON unless text alone is asked for. */
function wantsText({ headers, wantsJson }: FastifyRequest): boolean {
  return !wantsJson && /\btext\/plain\b/i.test(headers.accept ?? '');
}

function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(text);
}

function toDocument(
  batch: string,
  state: Batch['state'],
  packages: readonly UploadOutcome[],
): CommitDocument {
  return { batch, state, packages };
}
