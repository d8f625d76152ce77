import { joinRepositoryName, type RepositoryName, type RepositoryParts } from '../rpm/repository-name.ts';
import { noRepository } from '../storage/repositories.ts';

/** The repository that a route's `:releasever` and `:basearch` name. @throws AppError NOT_FOUND. */
export function parseRepositoryParams({ releasever, basearch }: RepositoryParts): RepositoryName {
  const repository = joinRepositoryName({ releasever, basearch });
  if (repository === undefined) throw noRepository(`${releasever}/${basearch}`);
  return repository;
}
