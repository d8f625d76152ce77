import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../base/config/load.ts';
import { type BatchStore, openBatchStore } from '../storage/batch-store.ts';
import { placeDecidedOf } from '../intake/place-decided.ts';
import { createPackageStore, type PackageStore } from '../storage/package-store.ts';
import { createRepositoryLayout, type RepositoryLayout } from '../storage/repository-layout.ts';
import { createTurns, type TakeTurns } from '../base/turns/take-turns.ts';
import { checkFolders, prepareFolders, type TreeFolders } from '../storage/tree-folders.ts';
import { sweepAtStart, sweepScratch } from '../intake/sweep-leftovers.ts';
import { Records } from '../storage/records.ts';
import { splitRepositoryName } from '../rpm/repository-name.ts';
import { lockTree, type TreeLock } from '../storage/tree-lock.ts';
import { createContentChecks } from '../indexing/content-checks.ts';
import { tagsOfRepositories } from '../indexing/tags-of-repositories.ts';
import { ForeignMetadata } from '../indexing/foreign-metadata.ts';
import { openEngine } from '../indexing/open-engine.ts';
import { PendingChanges } from '../indexing/pending-changes.ts';
import type { ReindexParts } from '../indexing/reindex-repository.ts';
import { Signer } from '../trust/signer.ts';
import { noteOwnAgent } from '../trust/own-agent.ts';

/** A tree that belongs to this process, with all that is needed to change it; the service and commands build upon it. */
export interface Tree {
  readonly folders: TreeFolders;
  readonly layout: RepositoryLayout;
  readonly store: PackageStore;
  readonly records: Records;
  /** Undefined when nothing is signed. */
  readonly signer: Signer | undefined;
  readonly batches: BatchStore;
  readonly takeTurns: TakeTurns;
  readonly reindexParts: ReindexParts;
  readonly close: () => Promise<void>;
}

/** Takes the tree for this process and removes what a crash left. @throws AppError TREE_LOCKED, TREE_UNUSABLE. */
export async function openTree(config: Config, log: Logger): Promise<Tree> {
  const folders = await prepareFolders({ ...config, spoolDir: config.server.spoolDir });
  const locks: TreeLock[] = [lockTree(folders.stateDir)];
  const release = (): void => {
    for (const lock of locks) lock.release();
  };
  try {
    locks.push(lockTree(folders.topDir, '.rpmyard-'));
    await checkFolders(folders);
    const swept = (await sweepAtStart(folders)) + (await sweepScratch(folders.scratchRoot));
    if (swept > 0) log.info({ files: swept }, 'removed what an earlier process left');
    const batches = await openBatchStore(join(folders.stateDir, 'batches'));
    const endAgent = config.signing.keys.length === 0 ? nothing : await noteOwnAgent(config.signing);
    return buildTree(config, { folders, batches }, log, async () => {
      await endAgent();
      release();
    });
  } catch (error) {
    release();
    throw error;
  }
}

async function nothing(): Promise<void> {
  return undefined;
}

function buildTree(
  config: Config,
  { folders, batches }: Pick<Tree, 'folders' | 'batches'>,
  log: Logger,
  release: () => Promise<void>,
): Tree {
  const records = new Records(folders.stateDir);
  const layout = createRepositoryLayout({ topDir: folders.topDir, ...config.layout });
  const store = createPackageStore(layout);
  const engine = openEngine({
    ...config.reindex,
    stateDir: folders.stateDir,
    sha256Of: (path) => store.sha256Of(path),
  });
  const signer = openSigner(config, join(folders.stateDir, 'keyrings'));
  const takeTurns = createTurns();
  const changes = new PendingChanges();
  return {
    folders,
    layout,
    store,
    records,
    signer,
    batches,
    takeTurns,
    reindexParts: {
      layout,
      records,
      changes,
      engine,
      foreignMetadata: new ForeignMetadata(
        join(folders.stateDir, 'metadata'),
        createContentChecks(),
        Date.now,
      ),
      placeDecided: (repository) =>
        placeDecidedOf(repository, {
          layout,
          store,
          records,
          batches,
          takeTurns,
          notePlaced: (repository, placed) => changes.notePlaced(repository, placed),
          now: Date.now,
        }),
      checkDirectories: (repository) => store.checkDirectories(repository),
      formatOf: (repository) =>
        config.reindex.zstdReleasevers.includes(splitRepositoryName(repository).releasever) ? 'zstd' : 'gzip',
      signer,
      tagsOf: tagsOfRepositories(config.reindex.repodataTags),
      publicUrl: config.server.publicUrl,
      scratchRoot: folders.scratchRoot,
      now: Date.now,
      log,
    },
    close: async () => {
      await engine.close();
      records.close();
      await release();
    },
  };
}

/**
 * Undefined when nothing is signed.
 * @param keyringsDir where it may make its keyring; nobody else opens a signer there.
 */
export function openSigner({ signing }: Config, keyringsDir: string): Signer | undefined {
  const keyringDir = join(keyringsDir, 'metadata');
  return signing.keys.length === 0 ? undefined : new Signer({ ...signing, keyringDir });
}
