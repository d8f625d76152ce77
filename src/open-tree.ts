import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Config } from './config/load.ts';
import { type BatchStore, openBatchStore } from './batches/batch-store.ts';
import { placeDecidedOf } from './ingest/place-decided.ts';
import { listPackages } from './place/list-packages.ts';
import { createPackageStore, type PackageStore } from './place/package-store.ts';
import { createRepositoryLayout, type RepositoryLayout } from './place/repository-layout.ts';
import { createTurns, type TakeTurns } from './place/take-turns.ts';
import { checkFolders, prepareFolders, type TreeFolders } from './place/tree-folders.ts';
import { sweepAtStart, sweepScratch } from './receive/sweep-leftovers.ts';
import { Records } from './records/records.ts';
import { lockTree, type TreeLock } from './records/tree-lock.ts';
import { createContentChecks } from './reindex/content-checks.ts';
import { createCreaterepoEngine } from './reindex/createrepo-engine.ts';
import { tagsOfRepositories } from './reindex/tags-of-repositories.ts';
import { createForeignMetadata } from './reindex/foreign-metadata.ts';
import { findExecutable } from './reindex/find-executable.ts';
import { createIncrementalEngine } from './reindex/incremental-engine.ts';
import type { IndexEngine } from './reindex/index-engine.ts';
import { PendingChanges } from './reindex/pending-changes.ts';
import type { ReindexParts } from './reindex/reindex-repository.ts';
import { createSigner, type Signer } from './signing/create-signer.ts';
import { noteOwnAgent } from './signing/own-agent.ts';

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
  const engine = createEngine(config, folders, store);
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
      foreignMetadata: createForeignMetadata(
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
          notePlaced: (...placed) => changes.notePlaced(...placed),
          now: Date.now,
        }),
      checkDirectories: (repository) => store.checkDirectories(repository),
      formatOf: (repository) =>
        config.reindex.zstdReleasevers.includes(repository.split('/')[0] ?? '') ? 'zstd' : 'gzip',
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
  return signing.keys.length === 0 ? undefined : createSigner({ ...signing, keyringDir });
}

function createEngine({ reindex }: Config, { stateDir }: TreeFolders, store: PackageStore): IndexEngine {
  if (reindex.engine === 'createrepo') {
    const locate = (): Promise<string | undefined> =>
      findExecutable(reindex.executable, process.env['PATH'] ?? '');
    return createCreaterepoEngine({
      ...reindex,
      findExecutable: locate,
      listPackages,
      sha256Of: (path) => store.sha256Of(path),
    });
  }
  return createIncrementalEngine({
    ...reindex,
    // In a checkout this file is TypeScript, in a published package JavaScript; the thread's lies beside it.
    startThread: () =>
      new Worker(new URL(`./index-thread${extname(import.meta.url)}`, import.meta.url), {
        workerData: { stateDir },
      }),
  });
}
