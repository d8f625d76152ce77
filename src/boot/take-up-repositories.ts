import type { Logger } from 'pino';
import type { LocalIndexQueue } from '../indexing/local-index-queue.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** Requests a run for every mark: an upload before a crash, or one that was cut short. */
export async function takeUpRepositories(options: {
  readonly repositories: readonly RepositoryName[];
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
  readonly queue: LocalIndexQueue;
  /** What was changed by hand while no service ran shows in a run that looks at every file. */
  readonly isEachLookedAt: boolean;
  readonly marked: readonly RepositoryName[];
  readonly log: Logger;
}): Promise<void> {
  for (const repository of options.repositories) {
    // One that cannot be read must not keep the others from being served; uploads to it try again.
    await options.prepareRepository(repository).catch((error: unknown) => {
      options.log.error(
        { repository, err: error },
        'a repository could not be taken up; its index run tries again',
      );
      // The run says what is wrong to all who ask.
      options.queue.of(repository).request();
      options.queue.of(repository).hurry();
    });
    if (options.isEachLookedAt) options.queue.of(repository).look();
  }
  for (const repository of options.marked) options.queue.of(repository).request();
}
