import type { PushOptions } from './push-options.ts';
import type { PushedBatch } from './pushed-batch.ts';
import { readBatchDocument } from './service-documents.ts';

/**
 * Leaves a batch that lacks a package: one that the user named waits for another push with that name, any other would be
 * nobody's and is dropped.
 */
export async function leaveBatch(
  id: string,
  options: Pick<PushOptions, 'urls' | 'exchange' | 'isBatchNamed'>,
): Promise<PushedBatch> {
  if (options.isBatchNamed) return lookAtBatch(id, options);
  return { id, state: (await askForDrop(id, options)) ? 'dropped' : 'staged' };
}

async function lookAtBatch(
  id: string,
  { urls, exchange }: Pick<PushOptions, 'urls' | 'exchange'>,
): Promise<PushedBatch> {
  try {
    const answer = await exchange({ method: 'GET', url: urls.api(`batches/${id}`) });
    if (answer.status === 404) return { id, state: 'dropped' };
    const { state, keptUntil } = readBatchDocument(answer);
    // By an earlier push: what was missing now came too late for it.
    if (state !== 'staged') return { id, state: state === 'committed' ? 'committed' : 'staged' };
    return { id, state: 'kept', ...(keptUntil !== undefined && { keptUntil }) };
  } catch {
    return { id, state: 'staged' };
  }
}

/** Forgets a batch and what lies in it, if the service can be asked now. @returns whether it did. */
async function askForDrop(
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
