import { demand, type Requester } from '../trust/requester.ts';
import { type Batch, noBatch, repositoriesOf } from '../storage/batch-store.ts';
import { AppError } from '../errors.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** The facts that decide who may see and change a batch. */
export interface BatchAccess {
  readonly id: string;
  readonly repositories: readonly RepositoryName[];
}

export function toBatchAccess({ id, members }: Batch): BatchAccess {
  return { id, repositories: repositoriesOf(members) };
}

/**
 * True for a client that may learn that a batch is there: it may read every repository of it. One without any package has no
 * repository yet.
 */
export function mayRead(
  { rights }: Pick<Requester, 'rights'>,
  repositories: readonly RepositoryName[],
): boolean {
  return repositories.length === 0
    ? rights.mayEverywhere('read')
    : repositories.every((repository) => rights.may('read', repository));
}

/** @throws AppError NOT_FOUND. */
export function demandRead(requester: Requester, { id, repositories }: BatchAccess): void {
  if (!mayRead(requester, repositories)) throw noBatch(id);
}

/**
 * A client that commits or drops a batch must have the right to upload to every repository of it. The requester is proven.
 * @throws AppError NOT_FOUND, CREDENTIALS_MISSING, RIGHT_MISSING.
 */
export function demandUpload(requester: Requester, { id, repositories }: BatchAccess): void {
  demandRead(requester, { id, repositories });
  for (const repository of repositories) demand(requester, { right: 'upload', in: { repository } });
}

/**
 * A client that adds a package to a batch must have the right to upload to every repository of it: a stranger could
 * otherwise add one for a repository that is closed to the owner, who could then not commit the batch any more. Even a
 * client that may not read the batch has to learn that the name is taken.
 * @throws AppError RIGHT_MISSING.
 */
export function demandAdding({ rights }: Pick<Requester, 'rights'>, { id, repositories }: BatchAccess): void {
  if (repositories.every((repository) => rights.may('upload', repository))) return;
  throw new AppError('RIGHT_MISSING', `the name ${id} is that of a batch that is closed to you`, {
    hint: 'Take another name for yours.',
  });
}
