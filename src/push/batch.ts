import { Value } from 'typebox/value';
import type { ErrorCode } from '../errors.ts';
import type { Answer } from './exchange.ts';
import { parseJson } from './parse-json.ts';
import { failureOfError, PushFailure } from './push-failure.ts';
import type { FileResult, FileStatus } from './push-file.ts';
import type { PushOptions } from './push-options.ts';
import { type Batch, BATCH_REFUSAL, isOf, readBatch } from './service-documents.ts';
import { askUntilDone, findSetAside } from './wait-for-file.ts';
import { withRetries } from './with-retries.ts';

/**
 * What became of a batch: `committed`, `refused` as a whole (it stays on the service), `dropped` or, when the user gave
 * it its name, `kept` because a package was not taken, or `staged` when the service was not there to the end. `waiting`:
 * committed, and not in the index.
 */
export type BatchState = 'committed' | 'waiting' | 'refused' | 'dropped' | 'kept' | 'staged';

export interface BatchResult {
  readonly id: string;
  readonly state: BatchState;
  readonly failure?: PushFailure;
  /** ISO 8601: when the service forgets one that is kept, unless something comes to it. */
  readonly keptUntil?: string;
}

export interface CommittedFiles {
  readonly batch: BatchResult;
  readonly results: readonly FileResult[];
}

/** After any other failure it is unknown whether the service got the request. */
const STATE_AFTER: Readonly<Record<string, BatchState>> = {
  BATCH_REFUSED: 'refused',
  // Of a batch that was committed before.
  PACKAGE_SET_ASIDE: 'waiting',
};

/** Publishes a batch as one, and says of each of its files what became of it. */
export async function commitBatch(
  id: string,
  results: readonly FileResult[],
  options: PushOptions,
): Promise<CommittedFiles> {
  const deadlineMs = options.clock.now() + options.timeoutMs;
  let refusal: Answer | undefined;
  const ask = async (waitSeconds: number, idleMs: number): Promise<Answer> => {
    const url = options.urls.api(`batches/${id}/commit`);
    if (options.isWaitWanted) url.searchParams.set('wait', String(waitSeconds));
    const answer = await options.exchange({ method: 'POST', url, headers: { 'content-length': 0 }, idleMs });
    refusal = answer;
    // Throws for what is no success, so that it is tried again or ends.
    readBatch(answer);
    return answer;
  };
  try {
    const answer = await withRetries({ ...options, deadlineMs }, async () =>
      askUntilDone(ask, deadlineMs, options),
    );
    return committed(id, results, readBatch(answer), answer.status);
  } catch (error) {
    options.signal.throwIfAborted();
    return notCommitted(id, results, failureOfError(error), refusal);
  }
}

/**
 * Leaves a batch that lacks a package: one that the user named waits for another push with that name, any other would be
 * nobody's and is dropped.
 */
export async function leaveBatch(
  id: string,
  options: Pick<PushOptions, 'urls' | 'exchange' | 'isBatchNamed'>,
): Promise<BatchResult> {
  if (options.isBatchNamed) return lookAtBatch(id, options);
  return { id, state: (await dropBatch(id, options)) ? 'dropped' : 'staged' };
}

async function lookAtBatch(
  id: string,
  { urls, exchange }: Pick<PushOptions, 'urls' | 'exchange'>,
): Promise<BatchResult> {
  try {
    const answer = await exchange({ method: 'GET', url: urls.api(`batches/${id}`) });
    if (answer.status === 404) return { id, state: 'dropped' };
    const { state, keptUntil } = readBatch(answer);
    // By an earlier push: what was missing now came too late for it.
    if (state !== 'staged') return { id, state: state === 'committed' ? 'committed' : 'staged' };
    return { id, state: 'kept', ...(keptUntil !== undefined && { keptUntil }) };
  } catch {
    return { id, state: 'staged' };
  }
}

/** Forgets a batch and what lies in it, if the service can be asked now. @returns whether it did. */
async function dropBatch(
  id: string,
  { urls, exchange }: Pick<PushOptions, 'urls' | 'exchange'>,
): Promise<boolean> {
  try {
    const { status } = await exchange({ method: 'DELETE', url: urls.api(`batches/${id}`) });
    return status === 204 || status === 404;
  } catch {
    return false;
  }
}

function committed(id: string, results: readonly FileResult[], batch: Batch, status: number): CommittedFiles {
  const isDone = status !== 202;
  const isCommitted = isDone || batch.state === 'committed';
  const failure = isDone
    ? undefined
    : new PushFailure({
        code: 'INDEX_LATE' satisfies ErrorCode,
        detail: `batch ${id} is ${batch.state}, and not all of it is in the index yet`,
        hint: 'It will be: the service goes on with it.',
        kind: 'passing',
      });
  const state: BatchState = isDone ? 'committed' : isCommitted ? 'waiting' : 'staged';
  return {
    batch: { id, state, ...(failure !== undefined && { failure }) },
    results: results.map((result) => {
      const outcome = batch.packages.find(isOf(result.sha256 ?? '')) ?? result.outcome;
      const placed = outcome === undefined ? result : { ...result, outcome };
      const aside = outcome === undefined ? undefined : findSetAside(outcome);
      if (aside !== undefined) return { ...placed, status: 'refused', failure: aside };
      if (isDone) return { ...placed, status: outcome?.outcome === 'created' ? 'created' : 'unchanged' };
      return { ...placed, status: isCommitted ? 'waiting' : 'staged' };
    }),
  };
}

function notCommitted(
  id: string,
  results: readonly FileResult[],
  failure: PushFailure,
  answer: Answer | undefined,
): CommittedFiles {
  const problem = parseJson(answer?.text ?? '');
  const refused = Value.Check(BATCH_REFUSAL, problem) ? problem.refused : [];
  return {
    batch: { id, state: STATE_AFTER[failure.code] ?? 'staged', failure },
    results: results.map((result) => {
      const own = refused.find(({ sha256 }) => sha256 === result.sha256 || sha256 === result.outcome?.sha256);
      if (own === undefined) return result;
      const status: FileStatus = 'refused';
      return { ...result, status, failure: new PushFailure({ ...own, hint: failure.hint, kind: 'refusal' }) };
    }),
  };
}
