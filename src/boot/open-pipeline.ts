import type { Logger } from 'pino';
import type { UploadOutcome } from '../api/upload-outcome.ts';
import type { Config } from '../base/config/load.ts';
import { createLongWork, type LongWork } from '../base/turns/long-work.ts';
import { type ClientConfig, writeRepoFile } from '../http/client-config.ts';
import { createRepositoryPreparation } from '../indexing/prepare-repository.ts';
import type { LocalIndexQueue } from '../indexing/local-index-queue.ts';
import { createRepositoryCommands, type RepositoryCommands } from '../indexing/repository-commands.ts';
import type { BodyRoom } from '../intake/body-room.ts';
import { describeUpload, hurryUntilInstallable, waitUntilInstallable } from '../intake/describe-upload.ts';
import { ingestUpload } from '../intake/ingest-upload.ts';
import { createInspectionThreads } from '../intake/inspection-threads.ts';
import type { BatchParts } from '../intake/ingest-parts.ts';
import type { SpooledUpload } from '../intake/spooled-upload.ts';
import { stageUpload } from '../intake/stage-upload.ts';
import type { Fault } from '../observe/find-faults.ts';
import type { Metrics } from '../observe/metrics.ts';
import { findNoarchRepository, type RepositoryName } from '../rpm/repository-name.ts';
import { openSignaturePolicy } from '../trust/open-signature-policy.ts';
import { buildBatchParts } from './build-batch-parts.ts';
import { type Batches, openBatches } from './open-batches.ts';
import { type IndexRuns, openIndexRuns, type WaysIn } from './open-index-runs.ts';
import type { Tree } from './open-tree.ts';
import { takeUpRepositories } from './take-up-repositories.ts';

type WaitForUpload = (outcome: UploadOutcome, waitMs: number) => Promise<UploadOutcome | 'pending'>;

/** Everything between a received upload and a published index. */
export interface Pipeline {
  readonly queue: LocalIndexQueue;
  readonly requests: RepositoryCommands;
  readonly metrics: Metrics;
  /** Places an upload, or stages it when it belongs to a batch. */
  readonly ingest: (upload: SpooledUpload) => Promise<UploadOutcome>;
  readonly batches: Batches;
  readonly bodyRoom: BodyRoom;
  readonly longWork: LongWork;
  readonly describeUpload: (
    sha256: string,
    mayRead: (repository: RepositoryName) => boolean,
  ) => Promise<UploadOutcome | undefined>;
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

const NO_WAY_IN: WaysIn = {
  findNginxFault: () => undefined,
  findDropFault: () => undefined,
  countStuckDrops: () => 0,
};

/** How long an index run may go on after a stop began; its mark starts one anew that needs longer. */
export const RUN_GRACE_MS = 30_000;

/** What hosts of this tree are told. */
export function toClientConfig(
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
  log: Logger,
  waysIn: WaysIn = NO_WAY_IN,
): Promise<Pipeline> {
  const { folders, reindexParts } = tree;
  const clientConfig = toClientConfig(config, tree);
  const stopping = new AbortController();
  const signatures = await openSignaturePolicy(config, { ...folders, signal: stopping.signal });
  const runs = await openIndexRuns(config, tree, log, waysIn);
  const prepareRepository = createRepositoryPreparation({
    reindexParts,
    queue: runs.queue,
    writeRepoFile: (repository) => writeRepoFile(folders.topDir, clientConfig, repository),
    besideOf: (repository) =>
      clientConfig.hasNoarchRepository ? findNoarchRepository(repository) : undefined,
  });
  const inspectionThreads = createInspectionThreads();
  const parts = buildBatchParts(config, tree, { runs, inspectionThreads, signatures, prepareRepository });
  const longWork = createLongWork();
  const batches = openBatches(parts, { ...config.batches, longWork, log });
  return {
    ...pipelineOf(tree, { runs, parts, batches, log }),
    longWork,
    close: async () => {
      // No client waits for it any more: an rpmsign that waits for something must not keep the process.
      stopping.abort();
      await batches.settled();
      await inspectionThreads.close();
    },
  };
}

function pipelineOf(
  { storage, takeTurns, reindexParts }: Tree,
  built: {
    readonly runs: IndexRuns;
    readonly parts: BatchParts;
    readonly batches: Batches;
    readonly log: Logger;
  },
): Omit<Pipeline, 'longWork' | 'close'> {
  const { runs, parts, batches, log } = built;
  const { queue, marks, metrics, findFaults } = runs;
  const { prepareRepository } = parts;
  return {
    queue,
    requests: createRepositoryCommands({
      reindexParts,
      queue,
      prepareRepository,
      demandReserve: runs.reserve.demandReserve,
      takeTurns,
    }),
    metrics,
    ingest: (upload) =>
      upload.batch === undefined ? ingestUpload(upload, parts) : stageUpload(upload, upload.batch, parts),
    batches,
    bodyRoom: parts.bodyRoom,
    describeUpload: (sha256, mayRead) => describeUpload(sha256, mayRead, parts),
    waitUntilInstallable: (outcome, waitMs) => waitUntilInstallable(outcome, waitMs, parts),
    hurryUntilInstallable: (outcome, waitMs) => hurryUntilInstallable(outcome, waitMs, parts),
    findFaults,
    takeUp: async () => {
      // Before a client can upload what would be in their way.
      await batches.complete();
      await takeUpRepositories({
        repositories: await storage.repositories.list(),
        prepareRepository,
        queue,
        isEachLookedAt: reindexParts.engine.isCheapWhenUnchanged,
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
  };
}
