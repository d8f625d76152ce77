import { demand, demandProven, type Requester } from '../access/requester.ts';
import { type Batch, noBatch, repositoriesOf } from '../batches/batch-store.ts';

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
 * them it is not there. Only what takes a file can prove by the file who sent it.
 * @throws AppError NOT_FOUND, CREDENTIALS_MISSING, RIGHT_MISSING, SIGNATURE_INVALID.
 */
export function demandUpload(requester: Requester, { id, repositories }: BatchAccess): void {
  demandProven(requester);
  if (!repositories.every((repository) => requester.rights.may('read', repository))) throw noBatch(id);
  for (const repository of repositories) demand(requester, { right: 'upload', in: { repository } });
}
