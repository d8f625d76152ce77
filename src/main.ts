import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { openAccess } from './access/open-access.ts';
import { openAuditLog } from './access/audit-log.ts';
import { buildApp } from './app.ts';
import type { Config } from './config/load.ts';
import { toAppError } from './errors.ts';
import { describeUpload, type IngestParts, ingestUpload, waitUntilInstallable } from './ingest.ts';
import { createInspectionThreads } from './inspect/inspection-threads.ts';
import { listen } from './listen.ts';
import { openTree, type Tree } from './open-tree.ts';
import { isRepositoryName, type RepositoryName } from './place/repository-layout.ts';
import { tryFolders } from './place/tree-folders.ts';
import { createTurns } from './place/take-turns.ts';
import { createIncomingFiles } from './receive/incoming-files.ts';
import { sweepSpool } from './receive/sweep-leftovers.ts';
import { parseWaitMs } from './receive/wait-query.ts';
import type { IndexRun } from './reindex/index-engine.ts';
import { createIndexReserve } from './reindex/index-reserve.ts';
import { openMarks } from './reindex/marks.ts';
import { createRepositoryPreparation } from './reindex/prepare-repository.ts';
import { type ReindexParts, reindexRepository } from './reindex/reindex-repository.ts';
import { ReindexQueue } from './reindex/reindex-queue.ts';
import { createRepositoryRequests } from './reindex/repository-requests.ts';
import { createTidying } from './reindex/tidy-repository.ts';
import { KEY_FILE, writeGeneralRepoFile, writeKeyFile, writeRepoFile } from './serve/client-config.ts';
import { createMetrics } from './serve/metrics.ts';
import { checkPackageSignature } from './signing/check-package-signature.ts';
import { openSignaturePolicy } from './signing/open-signature-policy.ts';
import type { Signer } from './signing/create-signer.ts';

/** A running service. */
export interface Service {
  /** Where it listens: `http://127.0.0.1:5000` or a socket's path. */
  readonly address: string;
  /** Finishes uploads in flight, answers those who wait, ends a running index run cleanly, gives up the tree. */
  close(): Promise<void>;
}

// Before the second, third, ... attempt of a failed index run.
const RETRY_PAUSES_MS = [5_000, 15_000, 60_000, 300_000];
// systemd kills after 90 s; an index run that needs longer is started anew by its mark.
const RUN_GRACE_MS = 30_000;
const UPLOAD_GRACE_MS = 45_000;
const SWEEP_EVERY_MS = 3_600_000;

/** Builds the parts by hand, heals what a crash left, listens. @throws AppError TREE_LOCKED, TREE_UNUSABLE. */
export async function startService(config: Config, log: Logger): Promise<Service> {
  const tree = await openTree(config, log);
  try {
    const { address, stop } = await startOnTree(config, tree, log);
    const close = async (): Promise<void> => {
      await stop();
      await tree.close();
    };
    return { address, close };
  } catch (error) {
    await tree.close();
    throw error;
  }
}

/** The service without the tree, which whoever opened it closes. */
interface RunningService {
  readonly address: string;
  readonly stop: () => Promise<void>;
}

async function startOnTree(config: Config, tree: Tree, log: Logger): Promise<RunningService> {
  const now = Date.now;
  const { folders, layout, store, records, signer, reindexParts } = tree;
  const { engine, changes } = reindexParts;
  const engineFault = await engine.findFault();
  if (engineFault !== undefined) {
    const { message, hint, code } = engineFault;
    log.warn({ code, hint }, `${message}; uploads are taken all the same. ${hint}`);
  }
  const signingFault = await signer?.findFault();
  if (signingFault !== undefined) {
    const { message, hint, code } = signingFault;
    log.warn({ code, hint }, `${message}; uploads are taken all the same, indexes stay as they are. ${hint}`);
  }
  const clientConfig = {
    publicUrl: config.server.publicUrl,
    isSigned: signer !== undefined,
    isSigningPackages: config.signing.isSigningPackages,
  };
  const marks = await openMarks(join(folders.stateDir, 'marks'));
  const metrics = createMetrics({
    listStatus: () => queue.listStatus(),
    countSetAside: (repository) => records.listSetAside(repository).length,
    now,
  });
  const queue: ReindexQueue = new ReindexQueue({
    ...config.reindex,
    retryPausesMs: RETRY_PAUSES_MS,
    marks,
    run: (repository, run) => metrics.indexRun(() => runLogged(repository, reindexParts, run)),
    tidy: createTidying({ layout, records, keepRules: config.reindex, now, log }),
    onFailure: (repository, error) =>
      log.error({ repository, code: error.code, hint: error.hint, err: error }, 'index run failed'),
  });

  const prepareRepository = createRepositoryPreparation({
    store,
    reindexParts,
    queue,
    writeRepoFile: (repository) => writeRepoFile(folders.topDir, clientConfig, repository),
  });
  const requests = createRepositoryRequests({ store, reindexParts, queue, prepareRepository });
  const checkReserve = createIndexReserve({
    topDir: folders.topDir,
    listStatus: () => queue.listStatus(),
  });
  const inspectionThreads = createInspectionThreads();
  const signatures = await openSignaturePolicy(config, folders);
  const ingestParts: IngestParts = {
    layout,
    store,
    records,
    queue,
    inspectionThreads,
    checkSignature: (signed, repositories) =>
      checkPackageSignature(signed, repositories, signatures.findKeyring),
    signing: signatures.signing,
    takeTurns: createTurns(),
    notePlaced: (repository, location, sha256) => changes.notePlaced(repository, location, sha256),
    prepareRepository,
    checkReserve,
    publicUrl: config.server.publicUrl,
    timed: metrics.timed,
    now,
  };
  await writeGeneralRepoFile(folders.topDir, clientConfig).catch((error: unknown) =>
    log.error({ err: error }, 'rpmyard.repo not written'),
  );
  await publishKeys(folders.topDir, signer).catch((error: unknown) =>
    log.error({ err: error }, `${KEY_FILE} not written: hosts cannot import the keys`),
  );
  await takeUpRepositories({
    repositories: await store.listRepositories(),
    prepareRepository,
    queue,
    // What was changed by hand while no service ran shows in a run that looks at every file.
    isEachLookedAt: engine.isCheapWhenUnchanged,
    marked: await marks.list(),
    log,
  });

  const incomingFiles = createIncomingFiles((path, error) =>
    log.warn({ err: error, path }, 'a file in incoming could not be removed; the next start does it'),
  );
  const auditLog = openAuditLog(config.access.auditLog, (error, line) =>
    log.error({ err: error, line }, 'audit log not written'),
  );
  const app = await buildApp({
    log,
    topDir: folders.topDir,
    access: openAccess(config.access, { stateDir: folders.stateDir, nonces: records, now, log }),
    auditLog,
    metrics,
    upload: {
      ...config.server,
      ...folders,
      ingest: async (upload, request) => {
        const outcome = await ingestUpload(upload, ingestParts);
        const { nevra, sha256, sizeBytes, places } = outcome;
        const repositories = places.map(({ repository }) => repository);
        request.log.info({ nevra, sha256, sizeBytes, repositories }, `package ${outcome.outcome}`);
        return outcome;
      },
      waitUntilInstallable: (outcome, waitMs) => waitUntilInstallable(outcome, waitMs, ingestParts),
      removeIncoming: incomingFiles.remove,
      countUpload: metrics.countUpload,
    },
    metadata: {
      ...folders,
      checkTarget: requests.checkMetadataTarget,
      putMetadata: requests.putMetadata,
      whenPublished: (repository, waitMs) => queue.of(repository).whenPublished(waitMs),
      removeIncoming: incomingFiles.remove,
    },
    api: {
      listStatus: () => queue.listStatus(),
      statusOf: (repository) => queue.statusOf(repository),
      listSetAside: (repository) => records.listSetAside(repository),
      listReceipts: (repository) => records.listReceipts(repository),
      reindexNow: requests.reindexNow,
      whenPublished: (repository, waitMs) => queue.of(repository).whenPublished(waitMs),
      describeUpload: (sha256) => describeUpload(sha256, ingestParts),
      waitUntilInstallable: (outcome, waitMs) => waitUntilInstallable(outcome, waitMs, ingestParts),
      parseWaitMs,
    },
    health: {
      listStatus: () => queue.listStatus(),
      findUploadFault: async () => {
        try {
          await tryFolders(folders);
          records.probe();
          checkReserve([]);
          return undefined;
        } catch (error) {
          return toAppError(error);
        }
      },
      findIndexFault: () => engine.findFault(),
    },
  });
  const sweeper = setInterval(() => {
    sweepSpool(folders.spoolDir, now()).catch((error: unknown) =>
      log.warn({ err: error }, 'spool not swept'),
    );
    if (engine.isCheapWhenUnchanged) requests.lookAtAll();
  }, SWEEP_EVERY_MS);
  try {
    const text = `serving ${folders.topDir} as ${config.server.publicUrl}`;
    return { address: await listen(app, config.server.listen, text), stop };
  } catch (error) {
    await stop();
    throw error;
  }

  async function stop(): Promise<void> {
    clearInterval(sweeper);
    // Those who wait get their 202 first: their connections would keep the app open.
    const queueClosed = queue.close(RUN_GRACE_MS);
    await closeApp(app);
    await queueClosed;
    await Promise.all([incomingFiles.settled(), inspectionThreads.close(), auditLog.close()]);
  }

  async function runLogged(
    repository: RepositoryName,
    parts: ReindexParts,
    run: IndexRun,
  ): ReturnType<typeof reindexRepository> {
    const startedMs = performance.now();
    const published = await reindexRepository(repository, parts, run);
    const ms = Math.round(performance.now() - startedMs);
    log.info({ repository, ...published, ms }, 'index published');
    return published;
  }
}

/** Hosts need the keys before the first package. */
async function publishKeys(topDir: string, signer: Signer | undefined): Promise<void> {
  await writeKeyFile(topDir, await signer?.exportKeys());
}

/** Takes up what is on disk and requests a run for every mark: an upload before a crash, or one that was cut short. */
async function takeUpRepositories(options: {
  readonly repositories: readonly RepositoryName[];
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
  readonly queue: ReindexQueue;
  readonly isEachLookedAt: boolean;
  readonly marked: readonly string[];
  readonly log: Logger;
}): Promise<void> {
  for (const repository of options.repositories) {
    // One that cannot be read must not keep the others from being served; uploads to it try again.
    await options.prepareRepository(repository).catch((error: unknown) => {
      options.log.error({ repository, err: error }, 'repository not taken up');
    });
    if (options.isEachLookedAt) options.queue.of(repository).request();
  }
  for (const repository of options.marked) {
    // A file of another name was put there by hand.
    const [releasever = '', basearch = ''] = repository.split('/');
    if (isRepositoryName(releasever, basearch)) options.queue.of(repository).request();
  }
}

/** Uploads in flight may finish; a connection that is still open after the grace time is cut. */
async function closeApp(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), UPLOAD_GRACE_MS);
  await app.close();
  clearTimeout(timer);
}
