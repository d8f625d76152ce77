import type { RepositoryName } from '../rpm/repository-name.ts';
import type { KeepRules, Publications } from '../storage/publications.ts';
import type { ReindexLog } from './reindex-repository.ts';

/** Makes the work after a run that no client waits for: superseded metadata goes when its time is over. */
export function createTidying(
  publications: Pick<Publications, 'tidy'>,
  rules: KeepRules,
  log: ReindexLog,
): (repository: RepositoryName) => Promise<void> {
  return async (repository) => {
    try {
      await publications.tidy(repository, rules);
    } catch (error) {
      // The index is public; a later run can clean up the rest.
      log.warn(
        { repository, err: error },
        'superseded metadata could not be removed; the next run tries again',
      );
    }
  };
}
