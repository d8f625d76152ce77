import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../base/config/load.ts';
import { createTurns, type TakeTurns } from '../base/turns/take-turns.ts';
import { createContentChecks } from '../indexing/content-checks.ts';
import { ForeignMetadata } from '../indexing/foreign-metadata.ts';
import { openEngine } from '../indexing/open-engine.ts';
import { PendingChanges } from '../indexing/pending-changes.ts';
import type { ReindexParts } from '../indexing/reindex-repository.ts';
import { tagsOfRepositories } from '../indexing/tags-of-repositories.ts';
import { sweepAtStart, sweepScratch } from '../intake/sweep-leftovers.ts';
import { splitRepositoryName } from '../rpm/repository-name.ts';
import { openStorage } from '../storage/open-storage.ts';
import {
  createRepositoryLayout,
  type RepositoryLayout,
  treeLockFiles,
} from '../storage/repository-layout.ts';
import type { Storage } from '../storage/storage.ts';
import { checkFolders, prepareFolders, type TreeFolders } from '../storage/tree-folders.ts';
import { lockTree, type TreeLock } from '../storage/tree-lock.ts';
import { Signer } from '../trust/signer.ts';
import { noteOwnAgent } from '../trust/own-agent.ts';

/** A tree that belongs to this process, with all that is needed to change it; the service and commands build upon it. */
export interface Tree {
  readonly folders: TreeFolders;
  readonly layout: RepositoryLayout;
  readonly storage: Storage;
  /** Undefined when nothing is signed. */
  readonly signer: Signer | undefined;
  readonly takeTurns: TakeTurns;
  readonly reindexParts: ReindexParts;
  readonly close: () => Promise<void>;
}

/**
 * Takes the tree for this process and removes what a crash left.
 * @param open chooses how things are kept.
 * @throws AppError TREE_LOCKED, TREE_UNUSABLE.
 */
export async function openTree(config: Config, log: Logger, open = openStorage): Promise<Tree> {
  const folders = await prepareFolders({ ...config, spoolDir: config.server.spoolDir });
  await using opened = new AsyncDisposableStack();
  opened.adopt(lockTree(folders), release);
  opened.adopt(lockTree(treeLockFiles(folders.topDir)), release);
  await checkFolders(folders);
  const swept = (await sweepAtStart(folders)) + (await sweepScratch(folders.scratchRoot));
  if (swept > 0) log.info({ files: swept }, 'removed what an earlier process left');
  if (config.signing.keys.length > 0) opened.defer(await noteOwnAgent(config.signing));
  const changes = new PendingChanges();
  const takeTurns = createTurns();
  const layout = createRepositoryLayout({ topDir: folders.topDir, ...config.layout });
  const storage = await open({
    layout,
    state: folders,
    takeTurns,
    notePlaced: (repository, placed) => changes.notePlaced(repository, placed),
    now: Date.now,
    log,
  });
  opened.defer(() => storage.close());
  const signer = openSigner(config, folders.keyringsDir);
  const reindexParts = buildReindexParts(config, { folders, storage, signer, changes, log });
  opened.defer(() => reindexParts.engine.close());
  const kept = opened.move();
  return { folders, layout, storage, signer, takeTurns, reindexParts, close: () => kept.disposeAsync() };
}

function release(lock: TreeLock): void {
  lock.release();
}

function buildReindexParts(
  config: Config,
  parts: Pick<Tree, 'folders' | 'storage' | 'signer'> & Pick<ReindexParts, 'changes' | 'log'>,
): ReindexParts {
  const { folders, storage, signer, changes, log } = parts;
  const { reindex, server } = config;
  return {
    storage,
    changes,
    engine: openEngine({ ...reindex, stateDir: folders.stateDir }),
    foreignMetadata: new ForeignMetadata(folders.metadataDir, createContentChecks(), Date.now),
    rules: {
      formatOf: (repository) =>
        reindex.zstdReleasevers.includes(splitRepositoryName(repository).releasever) ? 'zstd' : 'gzip',
      signer,
      tagsOf: tagsOfRepositories(reindex.repodataTags),
      publicUrl: server.publicUrl,
      now: Date.now,
    },
    log,
  };
}

/**
 * Undefined when nothing is signed.
 * @param keyringsDir where it may make its keyring; no other signer uses this directory.
 */
export function openSigner({ signing }: Config, keyringsDir: string): Signer | undefined {
  const keyringDir = join(keyringsDir, 'metadata');
  return signing.keys.length === 0 ? undefined : new Signer({ ...signing, keyringDir });
}
