import { demand, type Requester } from '../access/requester.ts';
import { type Batch, mayReadBatch, noBatch, repositoriesOf } from '../batches/batch-store.ts';

/** What decides who may change a batch. */
export interface BatchAccess {
  readonly id: string;
  readonly repositories: readonly string[];
}

export function accessOf({ id, members }: Batch): BatchAccess {
  return { id, repositories: repositoriesOf(members) };
}

/**
 * Whoever adds to a batch, commits it or drops it may upload to every repository of it; to others who may not read all of
 * them it is not there. The requester is proven.
 * @throws AppError NOT_FOUND, CREDENTIALS_MISSING, RIGHT_MISSING.
 */
export function demandUpload(requester: Requester, { id, repositories }: BatchAccess): void {
  if (!mayReadBatch(requester.rights, repositories)) throw noBatch(id);
  for (const repository of repositories) demand(requester, { right: 'upload', in: { repository } });
}
