import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, errnoOf } from '../errors.ts';
import type { PackageStore } from '../place/package-store.ts';
import type { RepositoryName } from '../place/repository-layout.ts';
import { quotaReached, QUOTAS } from '../quotas.ts';
import { parseRepomd } from '../repodata/repomd.ts';
import type { ContentSender } from './content-checks.ts';
import { checkType, foreignTypeOf } from './foreign-metadata.ts';
import type { CheckReserve } from './index-reserve.ts';
import type { ReindexParts } from './reindex-repository.ts';
import type { ReindexQueue } from './reindex-queue.ts';

/** What somebody may ask of a repository beside uploads. */
export interface RepositoryRequests {
  /** @throws AppError NOT_FOUND. */
  readonly reindexNow: (repository: string, trust: 'files' | 'nothing') => Promise<void>;
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
  readonly checkReserve: CheckReserve;
  readonly maxMetadataTypes?: number;
}): RepositoryRequests {
  const { store, queue, prepareRepository, checkReserve } = options;
  const { records, changes, foreignMetadata, layout } = options.reindexParts;
  const { maxMetadataTypes = QUOTAS.metadataTypes } = options;
  /** The types that are being put: two requests at once must not both be the last. */
  const coming = new Map<string, readonly string[]>();

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
      demandType(repository, type);
    },
    putMetadata: async (repository, type, path, sender) => {
      // It is packed anew beside what came.
      checkReserve([repository], statSync(path).size);
      // Before the mark, which would have the repository seem late while others have their turn.
      await using packed = await foreignMetadata.pack(type, path, sender);
      await prepareRepository(repository);
      await whileComing(repository, type, () =>
        queue.of(repository).whileMarked(() => foreignMetadata.keep(repository, packed)),
      );
    },
    lookAtAll: () => {
      for (const { repository } of queue.listStatus()) {
        changes.distrust(repository, 'files');
        queue.of(repository).request();
      }
    },
  };

  async function whileComing(repository: string, type: string, put: () => Promise<void>): Promise<void> {
    demandType(repository, type);
    coming.set(repository, [...(coming.get(repository) ?? []), type]);
    try {
      await put();
    } finally {
      const types = coming.get(repository) ?? [];
      if (types.length > 1) coming.set(repository, types.toSpliced(types.indexOf(type), 1));
      else coming.delete(repository);
    }
  }

  /** Without a pause: what was counted is still so when the type is noted as coming. */
  function demandType(repository: string, type: string): void {
    const there = new Set([...typesOf(repository), ...(coming.get(repository) ?? [])]);
    if (there.has(type) || there.size < maxMetadataTypes) return;
    throw tooManyTypes(repository, maxMetadataTypes);
  }

  /** Those that are published, and those that wait to be. */
  function typesOf(repository: string): readonly string[] {
    return [
      ...foreignMetadata.waitingTypes(repository),
      ...publishedTypes(layout.directoryOf(repository)).flatMap((type) => foreignTypeOf(type) ?? []),
    ];
  }

  async function checkExists(repository: string): Promise<void> {
    const isKnown = queue.statusOf(repository) !== undefined;
    if (isKnown || (await store.listRepositories()).includes(repository)) return;
    throw new AppError('NOT_FOUND', `there is no repository ${repository}`, {
      hint: 'GET /api/v1/repositories lists the repositories; an upload creates one.',
    });
  }
}

/** None where repomd.xml is damaged: the next run replaces it. */
function publishedTypes(repositoryDir: string): readonly string[] {
  try {
    const xml = readFileSync(join(repositoryDir, 'repodata', 'repomd.xml'), 'utf8');
    return parseRepomd(xml).data.map(({ type }) => type);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || errno === 'ENOENT') return [];
    throw error;
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
