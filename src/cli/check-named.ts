import { AppError } from '../errors.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** The repository of an argument. @throws AppError NOT_FOUND for one that is not in the tree. */
export function checkNamed(named: string, known: readonly RepositoryName[]): RepositoryName {
  const repository = known.find((one) => one === named);
  if (repository !== undefined) return repository;
  throw new AppError('NOT_FOUND', `there is no repository ${named}`, {
    hint: 'A repository is a directory <releasever>/<basearch> below repo.top_dir, with its packages in Packages/; "9/*" in quotes names several. "rpmyard adopt" takes over packages that lie otherwise.',
  });
}
