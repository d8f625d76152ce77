import { lstatSync } from 'node:fs';
import { relative } from 'node:path';
import { AppError } from '../../errors.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';
import { repositoryDirectories, type RepositoryLayout } from '../repository-layout.ts';

/**
 * Makes sure that no directory of a repository is a symbolic link, behind which a package would be acknowledged but neither
 * indexed nor served; a directory that is not there is none.
 * @throws AppError STORAGE_FAILED that names it.
 */
export function checkDirectories(
  repository: RepositoryName,
  layout: Pick<RepositoryLayout, 'topDir' | 'directoryOf'>,
): void {
  for (const path of repositoryDirectories(layout.directoryOf(repository))) {
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    if (isLink) throw linked(relative(layout.topDir, path));
  }
}

function linked(name: string): AppError {
  return new AppError('STORAGE_FAILED', `${name} in the tree is a symbolic link, which hosts do not see`, {
    hint: 'On the server, replace the link by a directory, or mount the other one there.',
  });
}
