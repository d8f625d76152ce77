import { statSync } from 'node:fs';
import { AppError } from '../errors.ts';
import type { PackageStore } from '../place/package-store.ts';
import type { RepositoryName } from '../place/repository-layout.ts';
import type { TakeTurns } from '../place/take-turns.ts';
import { quotaReached, QUOTAS } from '../quotas.ts';
import type { ContentSender } from './content-checks.ts';
import { checkType, foreignTypeOf } from './foreign-metadata.ts';
import type { IndexReserve } from './index-reserve.ts';
import { readSoundRepomd } from './read-metadata.ts';
import type { ReindexParts } from './reindex-repository.ts';
import type { ReindexQueue } from './reindex-queue.ts';

/** How a repository is to be indexed. */
export interface ReindexRequest {
  /** `files`: what was changed by hand is found by inode, size and mtime; `nothing`: all is read again. */
  readonly trust: 'files' | 'nothing';
  /** What lies on disk is published, whatever the index of another program names. */
  readonly isTakeOver: boolean;
}

/** What somebody may ask of a repository beside uploads. */
export interface RepositoryRequests {
  /** @throws AppError NOT_FOUND. */
  readonly reindexNow: (repository: string, request: ReindexRequest) => Promise<void>;
  /** @throws AppError NOT_FOUND, PARAMETER_INVALID, QUOTA_REACHED. */
  readonly checkMetadataTarget: (repository: string, type: string) => Promise<void>;
  /** @throws as ForeignMetadata.pack(), QUOTA_REACHED, STORAGE_FULL. */
  readonly putMetadata: (
    repository: string,
    type: string,
    path: string,
    sender: ContentSender,
  ) => Promise<void>;
  /** Requests a run of each repository that finds what was changed by hand. */
  readonly lookAtAll: () => void;
}

export function createRepositoryRequests(options: {
  readonly store: PackageStore;
  readonly reindexParts: ReindexParts;
  readonly queue: ReindexQueue;
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
  readonly demandReserve: IndexReserve['demandReserve'];
  readonly takeTurns: TakeTurns;
  readonly maxMetadataTypes?: number;
}): RepositoryRequests {
  const { store, queue, prepareRepository, demandReserve, takeTurns } = options;
  const { records, changes, foreignMetadata, layout } = options.reindexParts;
  const { maxMetadataTypes = QUOTAS.metadataTypes } = options;

  return {
    reindexNow: async (repository, { trust, isTakeOver }) => {
      await checkExists(repository);
      await prepareRepository(repository);
      await queue.of(repository).whileMarked(async () => {
        records.takeAllBack(repository);
        changes.distrust(repository, trust);
        if (isTakeOver) changes.acceptTakeOver(repository);
      });
      queue.of(repository).retrySoon();
    },
    checkMetadataTarget: async (repository, type) => {
      checkType(type);
      await checkExists(repository);
      await demandType(repository, type);
    },
    putMetadata: async (repository, type, path, sender) => {
      // It is packed anew beside what came.
      demandReserve([repository], statSync(path).size);
      // Before the mark, which would have the repository seem late while others have their turn.
      await using packed = await foreignMetadata.pack(type, path, sender);
      await prepareRepository(repository);
      // Two requests at once must not both find room for the last type.
      await takeTurns(`metadata of ${repository}`, async () => {
        await demandType(repository, type);
        await queue.of(repository).whileMarked(() => foreignMetadata.keep(repository, packed));
      });
    },
    lookAtAll: () => {
      for (const { repository } of queue.listStatus()) {
        changes.distrust(repository, 'files');
        queue.of(repository).request();
      }
    },
  };

  async function demandType(repository: string, type: string): Promise<void> {
    const there = await typesOf(repository);
    if (there.has(type) || there.size < maxMetadataTypes) return;
    throw tooManyTypes(repository, maxMetadataTypes);
  }

  /** Those that wait to be published, and those that are; the first come first, as a run may publish them meanwhile. */
  async function typesOf(repository: string): Promise<ReadonlySet<string>> {
    const waiting = foreignMetadata.waitingTypes(repository);
    // One that is damaged names none: the next run replaces it.
    const published = (await readSoundRepomd(layout.directoryOf(repository)))?.data ?? [];
    return new Set([...waiting, ...published.flatMap(({ type }) => foreignTypeOf(type) ?? [])]);
  }

  async function checkExists(repository: string): Promise<void> {
    const isKnown = queue.statusOf(repository) !== undefined;
    if (isKnown || (await store.listRepositories()).includes(repository)) return;
    throw new AppError('NOT_FOUND', `there is no repository ${repository}`, {
      hint: 'GET /api/v1/repositories lists the repositories; an upload creates one.',
    });
  }
}

function tooManyTypes(repository: string, limit: number): AppError {
  return quotaReached({
    quota: 'metadataTypes',
    limit,
    detail: `${repository} has ${limit} types of metadata, as many as a repository may have`,
    hint: 'Put it under a type that the repository has; GET .../repodata/repomd.xml lists them.',
  });
}
