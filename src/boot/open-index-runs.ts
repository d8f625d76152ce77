import type { Logger } from 'pino';
import type { Config } from '../base/config/load.ts';
import { readFreeBytes } from '../base/files/free-bytes.ts';
import { VERSION } from '../base/version.ts';
import { type AppError, toAppError } from '../errors.ts';
import type { IndexRun } from '../indexing/index-engine.ts';
import { createIndexReserve, type IndexReserve } from '../indexing/index-reserve.ts';
import { packageFaultError } from '../indexing/package-faults.ts';
import { LocalIndexQueue } from '../indexing/local-index-queue.ts';
import { type ReindexParts, reindexRepository } from '../indexing/reindex-repository.ts';
import { createTidying } from '../indexing/tidy-repository.ts';
import { createFaultFinder, type Fault } from '../observe/find-faults.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';
import { type Marks, openMarks } from '../storage/marks.ts';
import { tryFolders } from '../storage/tree-folders.ts';
import type { Signer } from '../trust/signer.ts';
import type { Tree } from './open-tree.ts';

/** The index runs of a tree, and what is known of them. */
export interface IndexRuns {
  readonly queue: LocalIndexQueue;
  readonly marks: Marks;
  readonly metrics: Metrics;
  /** What would keep an upload from being taken, or an index from being published, now. */
  readonly findFaults: () => Promise<readonly Fault[]>;
  readonly reserve: IndexReserve;
}

/** What is asked about the ways in: the nginx in front and the drop directory, where there is one. */
export interface WaysIn {
  readonly findNginxFault: () => AppError | undefined;
  /** What keeps dropped files from being taken in. */
  readonly findDropFault: () => AppError | undefined;
  readonly countStuckDrops: () => number;
}

// Before the second, third, ... attempt of a failed index run.
const RETRY_PAUSES_MS = [5_000, 15_000, 60_000, 300_000];
const TRY_SIGNING_EVERY_MS = 60_000;

/** Builds the queue and what watches it; nothing runs before it is asked for. */
export async function openIndexRuns(
  config: Config,
  tree: Tree,
  log: Logger,
  waysIn: WaysIn,
): Promise<IndexRuns> {
  const { folders, storage, reindexParts } = tree;
  const { records } = storage;
  const marks = await openMarks(folders.marksDir);
  const listStatus = (): ReturnType<LocalIndexQueue['listStatus']> => queue.listStatus();
  const reserve = createIndexReserve({ topDir: folders.topDir, listStatus });
  const findSigningFault = createSigningFaultFinder(tree.signer, listStatus);
  const findFaults = createFaultFinder({
    listStatus,
    listPackageFaults: async () =>
      (await records.countPackageFaults()).map((counted) => ({
        repository: counted.first.repository,
        error: packageFaultError(counted),
      })),
    findUploadFault: () => findUploadFault(tree, marks, reserve),
    findDropFault: waysIn.findDropFault,
    findNginxFault: waysIn.findNginxFault,
    findIndexFault: async () => (await reindexParts.engine.findFault()) ?? findSigningFault(),
  });
  const metrics = createMetrics({
    version: VERSION,
    listStatus,
    countSetAside: async (repository) => (await records.listSetAside(repository)).length,
    findFaults,
    countStuckDrops: waysIn.countStuckDrops,
    freeBytes: () => readFreeBytes(folders.topDir),
    now: Date.now,
  });
  const queue: LocalIndexQueue = new LocalIndexQueue({
    times: { ...config.reindex, retryPausesMs: RETRY_PAUSES_MS },
    concurrency: config.reindex.concurrency,
    marks,
    run: (repository, run) => metrics.indexRun(() => runLogged(repository, reindexParts, run, log)),
    tidy: createTidying(storage.publications, config.reindex, log),
    onFailure: (repository, error) =>
      log.error({ repository, code: error.code, hint: error.hint, err: error }, 'index run failed'),
  });
  return { queue, marks, metrics, findFaults, reserve };
}

async function findUploadFault(
  { folders, storage: { records } }: Tree,
  marks: Marks,
  { demandReserve }: IndexReserve,
): Promise<AppError | undefined> {
  try {
    await tryFolders(folders);
    await marks.check();
    await records.probe();
    demandReserve([]);
    return undefined;
  } catch (error) {
    return toAppError(error);
  }
}

/** A fault of signing that no repository shows: asked again now and then, since it may have gone. */
function createSigningFaultFinder(
  signer: Signer | undefined,
  listStatus: LocalIndexQueue['listStatus'],
): () => Promise<AppError | undefined> {
  let triedAtMs = performance.now();
  return async () => {
    if (signer?.lastFault() === undefined) return undefined;
    if (performance.now() - triedAtMs > TRY_SIGNING_EVERY_MS) {
      triedAtMs = performance.now();
      await signer.findFault();
    }
    const fault = signer.lastFault();
    return listStatus().some(({ lastError }) => lastError?.code === fault?.code) ? undefined : fault;
  };
}

async function runLogged(
  repository: RepositoryName,
  parts: ReindexParts,
  run: IndexRun,
  log: Logger,
): ReturnType<typeof reindexRepository> {
  const startedMs = performance.now();
  const published = await reindexRepository(repository, parts, run);
  const ms = Math.round(performance.now() - startedMs);
  log.info({ repository, ...published, ms }, 'index published');
  return published;
}
