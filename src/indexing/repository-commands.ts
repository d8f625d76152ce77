import type { RepositoryName } from '../rpm/repository-name.ts';
import { statSync } from 'node:fs';
import { AppError } from '../errors.ts';
import type { TakeTurns } from '../base/turns/take-turns.ts';
import { quotaReached, QUOTAS } from '../base/limits/quotas.ts';
import { isSameTags, mergeTags, NO_TAGS, type RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import type { ContentSender } from './content-checks.ts';
import { createForeignFinder, type ForeignFinder, type FoundForeign } from './find-foreign.ts';
import { foreignTypeOf } from '../rpm/foreign-types.ts';
import { checkType } from './foreign-metadata.ts';
import type { KeptChange } from './kept-changes.ts';
import type { IndexReserve } from './index-reserve.ts';
import type { ReindexParts } from './reindex-repository.ts';
import { noRepository } from '../storage/repositories.ts';
import type { LocalIndexQueue } from './local-index-queue.ts';

/** How a repository is to be indexed. */
export interface ReindexRequest {
  /** `files`: the run finds changes by hand through inode, size and mtime; `nothing`: it reads all packages again. */
  readonly trust: 'files' | 'nothing';
  /** The packages on disk are published, even against the index of another program. */
  readonly isTakeOver: boolean;
}

/** What clients may ask of a repository beside uploads. */
export interface RepositoryCommands {
  /** @throws AppError NOT_FOUND. */
  readonly reindexNow: (repository: RepositoryName, request: ReindexRequest) => Promise<void>;
  /** @throws AppError NOT_FOUND, PARAMETER_INVALID, QUOTA_REACHED; what the condition throws. */
  readonly checkMetadataTarget: (
    repository: RepositoryName,
    type: string,
    condition?: Condition,
  ) => Promise<void>;
  /** @throws as ForeignMetadata.pack(), QUOTA_REACHED, STORAGE_FULL; what the condition throws. */
  readonly putMetadata: (
    repository: RepositoryName,
    type: string,
    put: {
      readonly path: string;
      readonly sender: ContentSender;
      readonly condition?: Condition | undefined;
    },
  ) => Promise<KeptMetadata>;
  /** Has the next run take a type out of the repository. @throws AppError NOT_FOUND, PARAMETER_INVALID; what the condition throws. */
  readonly removeMetadata: (
    repository: RepositoryName,
    type: string,
    condition?: Condition,
  ) => Promise<KeptChange>;
  /** Has the next run add tags to those of the repository. @throws AppError NOT_FOUND. */
  readonly addTags: (repository: RepositoryName, tags: RepomdTags) => Promise<void>;
  /** @throws AppError NOT_FOUND, PARAMETER_INVALID. */
  readonly findMetadata: (repository: RepositoryName, type: string) => Promise<FoundForeign>;
  /** @throws AppError NOT_FOUND. */
  readonly listMetadata: (repository: RepositoryName) => Promise<readonly FoundForeign[]>;
  /** Requests a run of each repository that finds what was changed by hand. */
  readonly lookAtAll: () => void;
}

/** Throws when a change must not be made; it gets what the repository has of the type, or nothing. */
export type Condition = (openSha256: string | undefined) => void;

/** Metadata that was put, until it is published. */
export interface KeptMetadata extends KeptChange {
  /** Of its uncompressed content. */
  readonly openSha256: string;
}

export interface RepositoryCommandsOptions {
  readonly reindexParts: ReindexParts;
  readonly queue: LocalIndexQueue;
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
  readonly demandReserve: IndexReserve['demandReserve'];
  readonly takeTurns: TakeTurns;
  readonly maxMetadataTypes?: number;
}

export function createRepositoryCommands(options: RepositoryCommandsOptions): RepositoryCommands {
  const { storage, foreignMetadata } = options.reindexParts;
  const finder = createForeignFinder(storage.publications, foreignMetadata);
  const parts = { ...options, finder };
  return { ...runCommands(parts), ...metadataChanges(parts), ...metadataQuestions(parts) };
}

interface CommandParts extends RepositoryCommandsOptions {
  readonly finder: ForeignFinder;
}

function runCommands(parts: CommandParts): Pick<RepositoryCommands, 'reindexNow' | 'addTags' | 'lookAtAll'> {
  const { queue, prepareRepository } = parts;
  const { storage, changes, foreignMetadata } = parts.reindexParts;
  const { records, publications } = storage;
  return {
    reindexNow: async (repository, { trust, isTakeOver }) => {
      await checkExists(repository, parts);
      await prepareRepository(repository);
      await queue.of(repository).whileMarked(async () => {
        await records.takeAllBack(repository);
        changes.distrust(repository, trust);
        if (isTakeOver) changes.acceptTakeOver(repository);
      });
      queue.of(repository).retrySoon();
    },
    addTags: async (repository, tags) => {
      await checkExists(repository, parts);
      const own = (await publications.current(repository))?.tags ?? NO_TAGS;
      if (isSameTags(mergeTags([own, tags]), own)) return;
      await queue.of(repository).whileMarked(() => foreignMetadata.keepTags(repository, tags));
    },
    lookAtAll: () => {
      for (const { repository } of queue.listStatus()) {
        changes.distrust(repository, 'files');
        queue.of(repository).look();
      }
    },
  };
}

function metadataChanges(parts: CommandParts): Pick<RepositoryCommands, 'putMetadata' | 'removeMetadata'> {
  const { queue, prepareRepository, demandReserve, takeTurns, finder } = parts;
  const { foreignMetadata } = parts.reindexParts;
  return {
    putMetadata: async (repository, type, { path, sender, condition }) => {
      // It is packed anew beside the file that came.
      demandReserve([repository], statSync(path).size);
      // Done before the mark, which would make the repository seem late while others have their turn.
      await using packed = await foreignMetadata.pack(type, path, sender);
      await prepareRepository(repository);
      // Two requests at once must not both find room for the last type, and not both replace the same content.
      return await takeTurns(`metadata of ${repository}`, async () => {
        await demandType(repository, type, parts);
        await demandCondition(repository, type, { finder, condition });
        const kept = await queue.of(repository).whileMarked(() => foreignMetadata.keep(repository, packed));
        return { ...kept, openSha256: packed.openSha256 };
      });
    },
    removeMetadata: async (repository, type, condition) => {
      await checkKnown(repository, type, parts);
      return await takeTurns(`metadata of ${repository}`, async () => {
        const found = await finder.find(repository, type);
        condition?.(found?.openSha256);
        if (found === undefined) throw noMetadata(repository, type);
        return await queue.of(repository).whileMarked(() => foreignMetadata.keepRemoval(repository, type));
      });
    },
  };
}

function metadataQuestions(
  parts: CommandParts,
): Pick<RepositoryCommands, 'checkMetadataTarget' | 'findMetadata' | 'listMetadata'> {
  const { finder } = parts;
  return {
    checkMetadataTarget: async (repository, type, condition) => {
      await checkKnown(repository, type, parts);
      await demandType(repository, type, parts);
      await demandCondition(repository, type, { finder, condition });
    },
    findMetadata: async (repository, type) => {
      await checkKnown(repository, type, parts);
      const found = await finder.find(repository, type);
      if (found === undefined) throw noMetadata(repository, type);
      return found;
    },
    listMetadata: async (repository) => {
      await checkExists(repository, parts);
      return await finder.list(repository);
    },
  };
}

async function demandCondition(
  repository: RepositoryName,
  type: string,
  { finder, condition }: { readonly finder: ForeignFinder; readonly condition: Condition | undefined },
): Promise<void> {
  // Without one there is nothing to be read for it.
  if (condition !== undefined) condition((await finder.find(repository, type))?.openSha256);
}

async function checkKnown(repository: RepositoryName, type: string, parts: CommandParts): Promise<void> {
  checkType(type);
  await checkExists(repository, parts);
}

async function demandType(repository: RepositoryName, type: string, parts: CommandParts): Promise<void> {
  const { reindexParts, maxMetadataTypes = QUOTAS.metadataTypes } = parts;
  const there = await listTypes(repository, reindexParts);
  if (there.has(type) || there.size < maxMetadataTypes) return;
  throw tooManyTypes(repository, maxMetadataTypes);
}

/** Waiting types, and published ones; the waiting ones are read first, as a run may publish them meanwhile. */
async function listTypes(
  repository: RepositoryName,
  { foreignMetadata, storage }: Pick<ReindexParts, 'foreignMetadata' | 'storage'>,
): Promise<ReadonlySet<string>> {
  const waiting = foreignMetadata.waitingTypes(repository);
  // One that is damaged names none: the next run replaces it.
  const published = (await storage.publications.current(repository))?.data ?? [];
  return new Set([...waiting, ...published.flatMap(({ type }) => foreignTypeOf(type) ?? [])]);
}

async function checkExists(
  repository: RepositoryName,
  { queue, reindexParts }: Pick<RepositoryCommandsOptions, 'queue' | 'reindexParts'>,
): Promise<void> {
  const isKnown = queue.statusOf(repository) !== undefined;
  if (isKnown || (await reindexParts.storage.repositories.list()).includes(repository)) return;
  throw noRepository(repository);
}

function noMetadata(repository: RepositoryName, type: string): AppError {
  return new AppError('NOT_FOUND', `${repository} has no metadata of the type ${type}`, {
    hint: `GET /api/v1/repositories/${repository}/metadata lists what it has; PUT adds a type.`,
  });
}

function tooManyTypes(repository: RepositoryName, limit: number): AppError {
  return quotaReached({
    quota: 'metadataTypes',
    limit,
    detail: `${repository} has ${limit} types of metadata, as many as a repository may have`,
    hint: `Put it under a type that the repository has, or DELETE one; GET /api/v1/repositories/${repository}/metadata lists them.`,
  });
}
