import { AppError } from '../errors.ts';
import type { PackageStore } from '../place/package-store.ts';
import type { RepositoryName } from '../place/repository-layout.ts';
import { checkType } from './foreign-metadata.ts';
import type { ReindexParts } from './reindex-repository.ts';
import type { ReindexQueue } from './reindex-queue.ts';

/** What somebody may ask of a repository beside uploads. */
export interface RepositoryRequests {
  /** @throws AppError NOT_FOUND. */
  readonly reindexNow: (repository: string, trust: 'files' | 'nothing') => Promise<void>;
  /** @throws AppError NOT_FOUND, PARAMETER_INVALID. */
  readonly checkMetadataTarget: (repository: string, type: string) => Promise<void>;
  /** @param signal ends the check of the file. @throws as ForeignMetadata.pack(). */
  readonly putMetadata: (
    repository: string,
    type: string,
    path: string,
    signal?: AbortSignal,
  ) => Promise<void>;
  /** Requests a run of each repository that finds what was changed by hand. */
  readonly lookAtAll: () => void;
}

export function createRepositoryRequests(options: {
  readonly store: PackageStore;
  readonly reindexParts: ReindexParts;
  readonly queue: ReindexQueue;
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
}): RepositoryRequests {
  const { store, queue, prepareRepository } = options;
  const { records, changes, foreignMetadata } = options.reindexParts;

  return {
    reindexNow: async (repository, trust) => {
      await checkExists(repository);
      await prepareRepository(repository);
      await queue.of(repository).whileMarked(async () => {
        records.takeAllBack(repository);
        changes.distrust(repository, trust);
      });
      queue.of(repository).retrySoon();
    },
    checkMetadataTarget: async (repository, type) => {
      checkType(type);
      await checkExists(repository);
    },
    putMetadata: async (repository, type, path, signal) => {
      // Before the mark, which would have the repository seem late while others have their turn.
      await using packed = await foreignMetadata.pack(type, path, signal);
      await prepareRepository(repository);
      await queue.of(repository).whileMarked(() => foreignMetadata.keep(repository, packed));
    },
    lookAtAll: () => {
      for (const { repository } of queue.listStatus()) {
        changes.distrust(repository, 'files');
        queue.of(repository).request();
      }
    },
  };

  async function checkExists(repository: string): Promise<void> {
    const isKnown = queue.statusOf(repository) !== undefined;
    if (isKnown || (await store.listRepositories()).includes(repository)) return;
    throw new AppError('NOT_FOUND', `there is no repository ${repository}`, {
      hint: 'GET /api/v1/repositories lists the repositories; an upload creates one.',
    });
  }
}
