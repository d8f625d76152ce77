import { AppError } from '../errors.ts';
import { joinRepositoryName, type RepositoryName, type RepositoryParts } from '../rpm/repository-name.ts';

/** The repository that a route's `:releasever` and `:basearch` name. @throws AppError NOT_FOUND. */
export function parseRepositoryParams({ releasever, basearch }: RepositoryParts): RepositoryName {
  const repository = joinRepositoryName({ releasever, basearch });
  if (repository === undefined) throw noRepository(`${releasever}/${basearch}`);
  return repository;
}

/**
 * Every client learns that no repository may have this name. That a repository is not there, only clients learn that
 * may read it.
 */
export function noRepository(name: string): AppError {
  return new AppError('NOT_FOUND', `there is no repository ${name}`, {
    hint: 'GET /api/v1/repositories lists the repositories.',
  });
}
