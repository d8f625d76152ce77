import { PROBLEM } from '../../api/problem.ts';
import { fitsSchema } from '../../base/schema/fits-schema.ts';
import type { ErrorCode } from '../../errors.ts';
import { askForDrop, toPushedBatch, type FoundBatch, isDecided, lookAtBatch } from '../leave-batch.ts';
import type { Answer } from '../open-connection.ts';
import { parseJson } from '../parse-json.ts';
import { failureOfError, PushFailure } from '../push-failure.ts';
import type { FileStatus, PushedFile } from '../push-file.ts';
import type { PushOptions } from '../push-options.ts';
import type { PushedBatch } from '../pushed-batch.ts';
import { isOutcomeFor, type Outcome, type ReadCommit, readCommit } from '../read-answer.ts';
import { ANSWER_LIMIT_MS, askUntilDone, findSetAside } from './wait-for-file.ts';
import { withRetries } from './with-retries.ts';

export interface CommitReport {
  readonly batch: PushedBatch;
  readonly results: readonly PushedFile[];
}

/** Publishes a batch as one, and says of each of its files what became of it. */
export async function askForCommit(
  id: string,
  results: readonly PushedFile[],
  options: PushOptions,
): Promise<CommitReport> {
  const deadlineMs = options.retry.clock.now() + options.retry.timeoutMs;
  let last: Answer | undefined;
  const ask = async (waitSeconds: number): Promise<Answer> => {
    const url = options.urls.api(`batches/${id}/commit`);
    if (options.isWaitWanted) url.searchParams.set('wait', String(waitSeconds));
    const headers = { 'content-length': 0 };
    const answer = await options.exchange({ method: 'POST', url, headers, idleMs: ANSWER_LIMIT_MS });
    last = answer;
    // Throws for anything but a success, so that it is tried again or ends.
    readCommit(answer);
    return answer;
  };
  try {
    const answer = await withRetries({ ...options.retry, deadlineMs }, async () =>
      askUntilDone(ask, deadlineMs, options.retry),
    );
    const document = readCommit(answer);
    if (answer.status !== 202) return reportDone(id, results, document);
    return reportDocument(id, results, document, late(id, document));
  } catch (error) {
    options.retry.signal.throwIfAborted();
    const failure = failureOfError(error);
    const found = await findOut(id, failure, options);
    options.retry.signal.throwIfAborted();
    if (typeof found === 'object' && isDecided(found)) {
      const isEnough = found.state === 'committed' && (!options.isWaitWanted || isInIndex(found));
      return isEnough ? reportDone(id, results, found) : reportDocument(id, results, found, failure);
    }
    return {
      batch: { ...notCommitted(id, found, failure), failure },
      results: blame(results, failure, last),
    };
  }
}

/**
 * The failure may have come after the decision: only the batch itself tells. A batch that the service does not know is
 * dropped.
 */
async function findOut(id: string, failure: PushFailure, options: PushOptions): Promise<FoundBatch> {
  const found = await lookAtBatch(id, options);
  // The service does not show it to a client that may not read all of it.
  if (found === 'gone') return isOfCode(failure, 'RIGHT_MISSING') ? undefined : found;
  if (found === undefined || isDecided(found) || options.terms.isBatchNamed) return found;
  return askForDrop(id, options);
}

function notCommitted(id: string, found: FoundBatch, failure: PushFailure): PushedBatch {
  const end = toPushedBatch(id, found);
  const isOnService = end.state === 'kept' || end.state === 'unknown';
  return isOnService && isOfCode(failure, 'BATCH_REFUSED') ? { ...end, state: 'refused' } : end;
}

function reportDone(id: string, results: readonly PushedFile[], document: ReadCommit): CommitReport {
  return {
    batch: { id, state: 'committed' },
    results: results.map((result) => settle(result, document, statusIfTaken)),
  };
}

/** The state of a batch that is not published and in the index yet. */
function reportDocument(
  id: string,
  results: readonly PushedFile[],
  document: ReadCommit,
  failure: PushFailure,
): CommitReport {
  if (!isDecided(document)) return { batch: { id, state: 'unknown', failure }, results };
  return {
    batch: { id, state: 'waiting', failure },
    results: results.map((result) => settle(result, document, statusSoFar)),
  };
}

function settle(
  result: PushedFile,
  { packages }: ReadCommit,
  statusOf: (outcome: Outcome) => FileStatus,
): PushedFile {
  const outcome = packages.find(isOutcomeFor(result.sha256 ?? '')) ?? result.outcome;
  if (outcome === undefined) return result;
  const aside = findSetAside(outcome);
  if (aside !== undefined) return { ...result, outcome, status: 'refused', failure: aside };
  return { ...result, outcome, status: statusOf(outcome) };
}

function statusSoFar(outcome: Outcome): FileStatus {
  return isPublished(outcome) ? statusIfTaken(outcome) : 'waiting';
}

function statusIfTaken({ outcome }: Outcome): FileStatus {
  return outcome === 'created' ? 'created' : 'unchanged';
}

function isInIndex({ packages }: ReadCommit): boolean {
  return packages.every(isPublished);
}

function isPublished({ places }: Outcome): boolean {
  return places.every(({ state }) => state === 'published');
}

function late(id: string, document: ReadCommit): PushFailure {
  const detail = isDecided(document)
    ? `not all of batch ${id} is in the index yet`
    : `the service has not decided on batch ${id} yet`;
  return new PushFailure({
    code: 'INDEX_LATE' satisfies ErrorCode,
    detail,
    hint: 'Push it again with a longer --timeout to wait for it.',
    kind: 'passing',
  });
}

/** Names the packages because of which a batch was refused. */
function blame(
  results: readonly PushedFile[],
  { hint }: PushFailure,
  answer: Answer | undefined,
): readonly PushedFile[] {
  const problem = parseJson(answer?.text ?? '');
  const { refused = [] } = fitsSchema(PROBLEM, problem) ? problem : {};
  return results.map((result) => {
    const own = refused.find(({ sha256 }) => sha256 === result.sha256 || sha256 === result.outcome?.sha256);
    if (own === undefined) return result;
    return { ...result, status: 'refused', failure: new PushFailure({ ...own, hint, kind: 'refusal' }) };
  });
}

function isOfCode({ code }: PushFailure, expected: ErrorCode): boolean {
  return code === expected;
}
