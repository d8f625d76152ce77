import { AppError } from '../errors.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** The repositories that there are. */
export interface Repositories {
  /** Makes a repository, durably; one that is there stays as it is. @throws AppError STORAGE_FAILED. */
  create(repository: RepositoryName): Promise<void>;
  /** Whether packages can be placed into it. Cheap. */
  has(repository: RepositoryName): Promise<boolean>;
  /** @throws AppError STORAGE_FAILED when hosts would not see what is put into it. */
  check(repository: RepositoryName): Promise<void>;
  /** All that have packages or metadata, in order of name. */
  list(): Promise<readonly RepositoryName[]>;
  /** The location (path below the repository's directory) of every package, in no particular order. */
  listPackages(repository: RepositoryName): Promise<readonly string[]>;
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
