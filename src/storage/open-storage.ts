import { createLocalRepositories } from './local/local-repositories.ts';
import { openLocalStorage } from './local/open-local-storage.ts';
import { SqliteRecords } from './local/sqlite-records.ts';
import type { Records } from './records.ts';
import type { Repositories } from './repositories.ts';
import type { RepositoryLayout } from './repository-layout.ts';
import type { Storage, StorageOptions } from './storage.ts';

// The only file that names an implementation.

/** What is kept, for the process that owns it. @throws AppError TREE_UNUSABLE. */
export function openStorage(options: StorageOptions): Promise<Storage> {
  return openLocalStorage(options);
}

/** The repositories alone, for a command that reads beside the owner. */
export function openRepositories(layout: RepositoryLayout): Repositories {
  return createLocalRepositories(layout);
}

/** The records of a state directory, or of a copy of it. @throws AppError TREE_UNUSABLE. */
export function openRecords(stateDir: string): Records {
  return new SqliteRecords(stateDir);
}
