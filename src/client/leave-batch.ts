import type { PushOptions, PushTerms } from './push-options.ts';
import type { PushedBatch } from './pushed-batch.ts';
import { type ReadBatch, readBatchAnswer } from './read-answer.ts';

type LeaveOptions = Pick<PushOptions, 'urls' | 'exchange'> & {
  readonly terms: Pick<PushTerms, 'isBatchNamed'>;
};

/** The state of a batch at the service; undefined when the service did not answer. */
export type FoundBatch = ReadBatch | 'gone' | undefined;

/**
 * Leaves a batch that lacks a package. A batch that the user named waits for another push with that name; any other
 * batch has no further use and is dropped. It may have been committed all the same, by another client or before an
 * interruption.
 */
export async function leaveBatch(id: string, options: LeaveOptions): Promise<PushedBatch> {
  const found = options.terms.isBatchNamed ? await lookAtBatch(id, options) : await askForDrop(id, options);
  return toPushedBatch(id, found);
}

/** Asks once, if the service answers now. */
export async function lookAtBatch(
  id: string,
  { urls, exchange }: Pick<PushOptions, 'urls' | 'exchange'>,
): Promise<FoundBatch> {
  try {
    const answer = await exchange({ method: 'GET', url: urls.api(`batches/${id}`) });
    return answer.status === 404 ? 'gone' : readBatchAnswer(answer);
  } catch {
    return undefined;
  }
}

/** Drops a batch and its packages, if the service answers now; a batch that was committed stays. */
export async function askForDrop(
  id: string,
  options: Pick<PushOptions, 'urls' | 'exchange'>,
): Promise<FoundBatch> {
  const { urls, exchange } = options;
  try {
    const { status } = await exchange({ method: 'DELETE', url: urls.api(`batches/${id}`) });
    if (status === 204 || status === 404) return 'gone';
    return status === 409 ? await lookAtBatch(id, options) : undefined;
  } catch {
    return undefined;
  }
}

/** What became of a batch that this push leaves. */
export function toPushedBatch(id: string, found: FoundBatch): PushedBatch {
  if (found === undefined) return { id, state: 'unknown' };
  if (found === 'gone') return { id, state: 'dropped' };
  const { state, keptUntil } = found;
  if (state === 'committed') return { id, state };
  if (isDecided(found)) return { id, state: 'waiting' };
  return { id, state: 'kept', keptUntil };
}

/** Whether its packages are published, or certainly will be. */
export function isDecided({ state }: Pick<ReadBatch, 'state'>): boolean {
  return state === 'committed' || state === 'committing';
}
