import { AppError } from '../errors.ts';

/** @throws AppError NOT_FOUND for a repository that is not in the tree. */
export function checkNamed(repository: string, known: ReadonlySet<string>): void {
  if (known.has(repository)) return;
  throw new AppError('NOT_FOUND', `there is no repository ${repository}`, {
    hint: 'A repository is a directory <releasever>/<basearch> below repo.top_dir, with its packages in Packages/; "9/*" in quotes names several. "rpmyard adopt" takes over packages that lie otherwise.',
  });
}
