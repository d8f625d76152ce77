import { Value } from 'typebox/value';
import type { ErrorCode } from '../errors.ts';
import type { Answer } from './open-connection.ts';
import { parseJson } from './parse-json.ts';
import { failureOfError, PushFailure } from './push-failure.ts';
import type { PushedFile, FileStatus } from './push-file.ts';
import type { PushOptions } from './push-options.ts';
import type { BatchEnd, PushedBatch } from './pushed-batch.ts';
import { type BatchDocument, BATCH_REFUSAL, isOf, readBatchDocument } from './service-documents.ts';
import { askUntilDone, findSetAside } from './wait-for-file.ts';
import { withRetries } from './with-retries.ts';

export interface CommitReport {
  readonly batch: PushedBatch;
  readonly results: readonly PushedFile[];
}

/** After any other failure it is unknown whether the service got the request. */
const STATE_AFTER: Readonly<Record<string, BatchEnd>> = {
  BATCH_REFUSED: 'refused',
  // Of a batch that was committed before.
  PACKAGE_SET_ASIDE: 'waiting',
};

/** Publishes a batch as one, and says of each of its files what became of it. */
export async function askForCommit(
  id: string,
  results: readonly PushedFile[],
  options: PushOptions,
): Promise<CommitReport> {
  const deadlineMs = options.clock.now() + options.timeoutMs;
  let refusal: Answer | undefined;
  const ask = async (waitSeconds: number, idleMs: number): Promise<Answer> => {
    const url = options.urls.api(`batches/${id}/commit`);
    if (options.isWaitWanted) url.searchParams.set('wait', String(waitSeconds));
    const answer = await options.exchange({ method: 'POST', url, headers: { 'content-length': 0 }, idleMs });
    refusal = answer;
    // Throws for what is no success, so that it is tried again or ends.
    readBatchDocument(answer);
    return answer;
  };
  try {
    const answer = await withRetries({ ...options, deadlineMs }, async () =>
      askUntilDone(ask, deadlineMs, options),
    );
    return committed(id, results, readBatchDocument(answer), answer.status);
  } catch (error) {
    options.signal.throwIfAborted();
    return notCommitted(id, results, failureOfError(error), refusal);
  }
}

function committed(
  id: string,
  results: readonly PushedFile[],
  batch: BatchDocument,
  status: number,
): CommitReport {
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
  const state: BatchEnd = isDone ? 'committed' : isCommitted ? 'waiting' : 'staged';
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
  results: readonly PushedFile[],
  failure: PushFailure,
  answer: Answer | undefined,
): CommitReport {
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
