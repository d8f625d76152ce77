import type { PushOptions } from './push-options.ts';
import type { PushedBatch } from './pushed-batch.ts';
import { type BatchDocument, readBatchDocument } from './service-documents.ts';

type LeaveOptions = Pick<PushOptions, 'urls' | 'exchange' | 'isBatchNamed'>;

/** What the service has of a batch; undefined when it could not be asked. */
export type FoundBatch = BatchDocument | 'gone' | undefined;

/**
 * Leaves a batch that lacks a package: one that the user named waits for another push with that name, any other would be
 * nobody's and is dropped. It may have been committed all the same, by somebody else or before an interruption.
 */
export async function leaveBatch(id: string, options: LeaveOptions): Promise<PushedBatch> {
  const found = options.isBatchNamed ? await lookAtBatch(id, options) : await askForDrop(id, options);
  return endOf(id, found);
}

/** Asks once, if the service can be asked now. */
export async function lookAtBatch(
  id: string,
  { urls, exchange }: Pick<PushOptions, 'urls' | 'exchange'>,
): Promise<FoundBatch> {
  try {
    const answer = await exchange({ method: 'GET', url: urls.api(`batches/${id}`) });
    return answer.status === 404 ? 'gone' : readBatchDocument(answer);
  } catch {
    return undefined;
  }
}

/** Forgets a batch and what lies in it, if the service can be asked now; one that was committed stays. */
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

/** What became of a batch that this push goes no further with. */
export function endOf(id: string, found: FoundBatch): PushedBatch {
  if (found === undefined) return { id, state: 'unknown' };
  if (found === 'gone') return { id, state: 'dropped' };
  const { state, keptUntil } = found;
  if (state === 'committed') return { id, state };
  if (isDecided(found)) return { id, state: 'waiting' };
  return { id, state: 'kept', ...(keptUntil !== undefined && { keptUntil }) };
}

/** Whether its packages are published, or will be whatever happens. */
export function isDecided({ state }: BatchDocument): boolean {
  return state === 'committed' || state === 'committing';
}
