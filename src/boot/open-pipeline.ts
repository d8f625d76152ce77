import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Config } from '../base/config/load.ts';
import { type AppError, toAppError } from '../errors.ts';
import { findPackageWarnings } from '../intake/find-package-warnings.ts';
import { freeBytesOf } from '../base/files/free-bytes.ts';
import { describeUpload, hurryUntilInstallable, waitUntilInstallable } from '../intake/describe-upload.ts';
import { ingestUpload } from '../intake/ingest-upload.ts';
import type { BatchParts } from '../intake/ingest-parts.ts';
import { createLongWork, type LongWork } from '../base/turns/long-work.ts';
import { type Batches, openBatches } from './open-batches.ts';
import { stageUpload } from '../intake/stage-upload.ts';
import { refuseReplacedText } from '../intake/find-text-warnings.ts';
import { createInspectionThreads } from '../intake/inspection-threads.ts';
import type { Tree } from './open-tree.ts';
import { tryFolders } from '../storage/tree-folders.ts';
import { type BodyRoom, createBodyRoom } from '../intake/body-room.ts';
import type { SpooledUpload } from '../intake/spooled-upload.ts';
import type { UploadOutcome } from '../api/upload-outcome.ts';
import type { IndexRun } from '../indexing/index-engine.ts';
import { createIndexReserve } from '../indexing/index-reserve.ts';
import { openMarks } from '../storage/marks.ts';
import { packageFaultError } from '../indexing/package-faults.ts';
import { createRepositoryPreparation } from '../indexing/prepare-repository.ts';
import { type ReindexParts, reindexRepository } from '../indexing/reindex-repository.ts';
import { createRepositoryQuota } from '../indexing/repository-quota.ts';
import { ReindexQueue } from '../indexing/reindex-queue.ts';
import { createRepositoryRequests, type RepositoryRequests } from '../indexing/repository-requests.ts';
import { createTidying } from '../indexing/tidy-repository.ts';
import { findNoarchRepository, type RepositoryName } from '../rpm/repository-name.ts';
import { type ClientConfig, writeRepoFile } from '../http/client-config.ts';
import { createFaultFinder, type Fault } from '../observe/find-faults.ts';
import { createMetrics, type Metrics } from '../observe/metrics.ts';
import { checkPackageSignature } from '../trust/check-package-signature.ts';
import { openSignaturePolicy } from '../trust/open-signature-policy.ts';
import { VERSION } from '../base/version.ts';

type WaitForUpload = (outcome: UploadOutcome, waitMs: number) => Promise<UploadOutcome | 'pending'>;

/** Everything between a received upload and a published index. */
export interface Pipeline {
  readonly queue: ReindexQueue;
  readonly requests: RepositoryRequests;
  readonly metrics: Metrics;
  /** Places an upload, or stages it when it belongs to a batch. */
  readonly ingest: (upload: SpooledUpload) => Promise<UploadOutcome>;
  readonly batches: Batches;
  readonly bodyRoom: BodyRoom;
  readonly longWork: LongWork;
  readonly describeUpload: (
    sha256: string,
    mayRead: (repository: RepositoryName) => boolean,
  ) => UploadOutcome | undefined;
  readonly waitUntilInstallable: WaitForUpload;
  /** The same for a client that may upload to all of its places: it ends their quiet time. */
  readonly hurryUntilInstallable: WaitForUpload;
  /** What would keep an upload from being taken, or an index from being published, now. */
  readonly findFaults: () => Promise<readonly Fault[]>;
  /** Takes up what is on disk: repositories, and the marks of a run that is owed. Nothing runs before. */
  readonly takeUp: () => Promise<void>;
  /** The repositories that are owed an index, by an earlier process too. */
  readonly listMarked: () => Promise<readonly RepositoryName[]>;
  /** Answers those who wait at once, ends checks of metadata, and lets an index run end; uploads in flight may still finish. */
  readonly endRuns: () => Promise<void>;
  /** When nothing is asked of it any more. */
  readonly close: () => Promise<void>;
}

/** What is asked about the ways in: the nginx in front and the drop directory, where there is one. */
interface WaysIn {
  readonly findNginxFault: () => AppError | undefined;
  /** What keeps dropped files from being taken in. */
  readonly findDropFault: () => AppError | undefined;
  readonly countStuckDrops: () => number;
}

const NO_WAY_IN: WaysIn = {
  findNginxFault: () => undefined,
  findDropFault: () => undefined,
  countStuckDrops: () => 0,
};

// Before the second, third, ... attempt of a failed index run.
const RETRY_PAUSES_MS = [5_000, 15_000, 60_000, 300_000];
const TRY_SIGNING_EVERY_MS = 60_000;
/** How long an index run may go on after a stop began; its mark starts one anew that needs longer. */
export const RUN_GRACE_MS = 30_000;

/** What hosts of this tree are told. */
export function clientConfigOf(
  { server, signing, layout }: Config,
  { signer }: Pick<Tree, 'signer'>,
): ClientConfig {
  return {
    publicUrl: server.publicUrl,
    isSigned: signer !== undefined,
    isSigningPackages: signing.isSigningPackages,
    hasNoarchRepository: layout.noarchBasearches.length === 0,
  };
}

/**
 * Builds the pipeline upon a tree.
 * @param waysIn asked about what leads to the pipeline.
 * @throws AppError CONFIG_INVALID, SIGNING_FAILED, SIGNING_TOOL_*.
 */
export async function openPipeline(
  config: Config,
  tree: Tree,
  clientConfig: ClientConfig,
  log: Logger,
  waysIn: WaysIn = NO_WAY_IN,
): Promise<Pipeline> {
  const now = Date.now;
  const { folders, layout, store, records, signer, reindexParts } = tree;
  const { engine, changes } = reindexParts;
  const marks = await openMarks(join(folders.stateDir, 'marks'));
  const stopping = new AbortController();
  const signatures = await openSignaturePolicy(config, { ...folders, signal: stopping.signal });
  const listStatus = (): ReturnType<ReindexQueue['listStatus']> => queue.listStatus();
  const findFaults = createFaultFinder({
    listStatus,
    listPackageFaults: () =>
      records.countPackageFaults().map((counted) => ({
        repository: counted.first.repository,
        error: packageFaultError(counted),
      })),
    findUploadFault,
    findDropFault: waysIn.findDropFault,
    findNginxFault: waysIn.findNginxFault,
    findIndexFault: async () => (await engine.findFault()) ?? findSigningFault(),
  });
  const metrics = createMetrics({
    version: VERSION,
    listStatus,
    countSetAside: (repository) => records.listSetAside(repository).length,
    findFaults,
    countStuckDrops: waysIn.countStuckDrops,
    freeBytes: () => freeBytesOf(folders.topDir),
    now,
  });
  const queue: ReindexQueue = new ReindexQueue({
    ...config.reindex,
    retryPausesMs: RETRY_PAUSES_MS,
    marks,
    run: (repository, run) => metrics.indexRun(() => runLogged(repository, reindexParts, run, log)),
    tidy: createTidying({ layout, records, keepRules: config.reindex, now, log }),
    onFailure: (repository, error) =>
      log.error({ repository, code: error.code, hint: error.hint, err: error }, 'index run failed'),
  });
  const prepareRepository = createRepositoryPreparation({
    store,
    reindexParts,
    queue,
    writeRepoFile: (repository) => writeRepoFile(folders.topDir, clientConfig, repository),
    besideOf: (repository) =>
      clientConfig.hasNoarchRepository ? findNoarchRepository(repository) : undefined,
  });
  const admitRepositories = createRepositoryQuota({
    // The queue may know one that is not made yet.
    isKnown: (repository) => store.hasRepository(repository),
    listKnown: () => listStatus().map(({ repository }) => repository),
    now,
  });
  const { spareBytes, demandReserve } = createIndexReserve({ topDir: folders.topDir, listStatus });
  const bodyRoom = createBodyRoom({
    demandReserve: (comingBytes) => demandReserve([], comingBytes),
    spareBytes,
    nowMs: () => performance.now(),
  });
  let signingTriedAtMs = performance.now();
  const inspectionThreads = createInspectionThreads();
  const ingestParts: BatchParts = {
    batches: tree.batches,
    layout,
    store,
    records,
    queue,
    inspectionThreads,
    checkSignature: (signed, repositories) =>
      checkPackageSignature(signed, repositories, signatures.findKeyring),
    checkDescribable: config.reindex.engine === 'createrepo' ? refuseReplacedText : () => undefined,
    findWarnings: findPackageWarnings,
    signing: signatures.signing,
    takeTurns: tree.takeTurns,
    notePlaced: (repository, placed) => changes.notePlaced(repository, placed),
    prepareRepository,
    admitRepositories,
    demandReserve,
    bodyRoom,
    publicUrl: config.server.publicUrl,
    timed: metrics.timed,
    now,
  };
  const longWork = createLongWork();
  const batches = openBatches(ingestParts, { ...config.batches, longWork, log });

  async function findUploadFault(): Promise<AppError | undefined> {
    try {
      await tryFolders(folders);
      await marks.check();
      records.probe();
      demandReserve([]);
      return undefined;
    } catch (error) {
      return toAppError(error);
    }
  }

  /** A fault of signing that no repository shows: asked again now and then, since it may have gone. */
  async function findSigningFault(): Promise<AppError | undefined> {
    if (signer?.lastFault() === undefined) return undefined;
    if (performance.now() - signingTriedAtMs > TRY_SIGNING_EVERY_MS) {
      signingTriedAtMs = performance.now();
      await signer.findFault();
    }
    const fault = signer.lastFault();
    return listStatus().some(({ lastError }) => lastError?.code === fault?.code) ? undefined : fault;
  }

  return {
    queue,
    requests: createRepositoryRequests({
      store,
      reindexParts,
      queue,
      prepareRepository,
      demandReserve,
      takeTurns: tree.takeTurns,
    }),
    metrics,
    ingest: (upload) =>
      upload.batch === undefined
        ? ingestUpload(upload, ingestParts)
        : stageUpload(upload, upload.batch, ingestParts),
    batches,
    bodyRoom,
    longWork,
    describeUpload: (sha256, mayRead) => describeUpload(sha256, mayRead, ingestParts),
    waitUntilInstallable: (outcome, waitMs) => waitUntilInstallable(outcome, waitMs, ingestParts),
    hurryUntilInstallable: (outcome, waitMs) => hurryUntilInstallable(outcome, waitMs, ingestParts),
    findFaults,
    takeUp: async () => {
      // Before anybody can upload what would be in their way.
      await batches.complete();
      await takeUpRepositories({
        repositories: await store.listRepositories(),
        prepareRepository,
        queue,
        // What was changed by hand while no service ran shows in a run that looks at every file.
        isEachLookedAt: engine.isCheapWhenUnchanged,
        marked: await marks.list(),
        log,
      });
    },
    listMarked: () => marks.list(),
    endRuns: () => {
      // Clients that wait for a check would keep the service for minutes.
      reindexParts.foreignMetadata.close();
      return queue.close(RUN_GRACE_MS);
    },
    close: async () => {
      // Whoever waits for it has gone: an rpmsign that waits for somebody must not keep the process.
      stopping.abort();
      await batches.settled();
      await inspectionThreads.close();
    },
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

/** Requests a run for every mark: an upload before a crash, or one that was cut short. */
async function takeUpRepositories(options: {
  readonly repositories: readonly RepositoryName[];
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
  readonly queue: ReindexQueue;
  readonly isEachLookedAt: boolean;
  readonly marked: readonly RepositoryName[];
  readonly log: Logger;
}): Promise<void> {
  for (const repository of options.repositories) {
    // One that cannot be read must not keep the others from being served; uploads to it try again.
    await options.prepareRepository(repository).catch((error: unknown) => {
      options.log.error({ repository, err: error }, 'repository not taken up');
      // The run says what is wrong to all who ask.
      options.queue.of(repository).request();
      options.queue.of(repository).hurry();
    });
    if (options.isEachLookedAt) options.queue.of(repository).look();
  }
  for (const repository of options.marked) options.queue.of(repository).request();
}
