import type { RepositoryStatus } from '../../src/indexing/repository-schedule.ts';
import { repo } from './repo.ts';

/** A clean repository of three packages, but for these fields. */
export function statusOf(repository: string, fields: Partial<RepositoryStatus> = {}): RepositoryStatus {
  return {
    repository: repo(repository),
    state: 'clean',
    published: { packageCount: 3, revision: '1700000000', indexBytes: 1000 },
    lastError: undefined,
    waitingSinceMs: undefined,
    progress: undefined,
    ...fields,
  };
}
