import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { type AuditLog, openAuditLog } from '../trust/audit-log.ts';
import { openAccess } from '../trust/open-access.ts';
import { createRefusalBudgets } from '../trust/refusal-budgets.ts';
import { createRequester, nameOwner } from '../trust/requester.ts';
import { createRights } from '../trust/rights.ts';
import { buildApp } from '../http/app.ts';
import { shuttingDown } from '../http/shutting-down.ts';
import { findConfigWarnings } from '../base/config/find-config-warnings.ts';
import type { Config } from '../base/config/load.ts';
import { waitAtMost } from '../base/turns/wait-at-most.ts';
import { type DropDirectory, openDropDirectory } from '../intake/open-drop-directory.ts';
import { type AppError, toAppError } from '../errors.ts';
import { checkStart } from '../intake/check-start.ts';
import { listen } from './listen.ts';
import { toClientConfig, openPipeline, type Pipeline } from './open-pipeline.ts';
import { openTree, type Tree } from './open-tree.ts';
import { publicPathOf } from '../http/public-path.ts';
import { createIncomingFiles, type IncomingFiles } from '../intake/incoming-files.ts';
import { outcomeLine, waitingLine } from '../http/render-outcome.ts';
import { ResumableUploads } from '../intake/resumable-uploads.ts';
import { streamToSpool } from '../intake/stream-to-spool.ts';
import { sweepSpool } from '../intake/sweep-leftovers.ts';
import { STALL_MS } from '../http/upload-options.ts';
import { type ClientConfig, KEY_FILE, writeGeneralRepoFile, writeKeyFile } from '../http/client-config.ts';
import { createNginxInFront } from '../http/nginx-in-front.ts';
import type { Signer } from '../trust/signer.ts';
import { openMetadata } from '../base/unpack/open-metadata.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** A running service. */
export interface Service {
  /** Where it listens: `http://127.0.0.1:5000` or a socket's path. */
  readonly address: string;
  /** Finishes uploads in flight, answers those who wait, ends a running index run cleanly, gives up the tree. */
  close(): Promise<void>;
}

/** What the caller gives to the service, and what it wants to be told. */
export interface StartOptions {
  /** Sockets that listen already; Node's own when there is none. */
  readonly passedFds?: readonly number[];
  /** Told what a start does that may take its time. */
  readonly tellStatus?: (text: string) => void;
  /** How long uploads in flight may go on after a stop began. */
  readonly uploadGraceMs?: number;
}

/** The time of uploads in flight, when nothing else is said. */
export const UPLOAD_GRACE_MS = 45_000;
const SWEEP_EVERY_MS = 3_600_000;
// Read and written within some milliseconds.
const RECEIPTS_A_PIECE = 200;
const WEAK_KEY =
  'hosts of today refuse this key of signing.keys; make one with "rpmyard key init --another" and change over to it';

/**
 * Builds the parts by hand, heals what a crash left, listens. When it fails, nothing of it goes on.
 * @throws AppError TREE_LOCKED, TREE_UNUSABLE, CONFIG_INVALID, SIGNING_FAILED, SIGNING_TOOL_*, LISTEN_FAILED.
 */
export async function startService(
  config: Config,
  log: Logger,
  { passedFds = [], tellStatus = () => undefined, uploadGraceMs = UPLOAD_GRACE_MS }: StartOptions = {},
): Promise<Service> {
  tellStatus(`Taking ${config.topDir}, and removing what an earlier process left`);
  const tree = await openTree(config, log);
  try {
    const { address, stop } = await startOnTree(config, tree, log, {
      passedFds,
      tellStatus,
      uploadGraceMs,
    });
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

/** The service without the tree, which the code that opened the tree closes. */
interface RunningService {
  readonly address: string;
  readonly stop: () => Promise<void>;
}

async function startOnTree(
  config: Config,
  tree: Tree,
  log: Logger,
  { passedFds, tellStatus, uploadGraceMs }: Required<StartOptions>,
): Promise<RunningService> {
  const now = Date.now;
  const { folders, storage, signer, reindexParts } = tree;
  const { records } = storage;
  const { engine } = reindexParts;
  for (const warning of findConfigWarnings(config)) log.warn({}, warning);
  warnOfFault(await engine.findFault(), 'uploads are taken all the same', log);
  warnOfFault(await signer?.findFault(), 'uploads are taken all the same, indexes stay as they are', log);
  await warnOfWeakKeys(signer, log);
  const publicPath = publicPathOf(config.server.publicUrl);
  const access = openAccess(config.access, {
    stateDir: folders.stateDir,
    nonces: records,
    publicPath,
    now,
    log,
  });
  const auditLog = openAuditLog(config.access.auditLog, (error, line) =>
    log.error({ err: error, line }, 'audit log not written'),
  );
  const clientConfig = toClientConfig(config, tree);
  const nginx = createNginxInFront(log, now);
  let dropDirectory: DropDirectory | undefined;
  const pipeline = await openPipeline(config, tree, clientConfig, log, {
    findNginxFault: nginx.findFault,
    findDropFault: () => dropDirectory?.findFault(),
    countStuckDrops: () => dropDirectory?.countStuck() ?? 0,
  });
  const { queue, requests, metrics, longWork } = pipeline;
  const whenPublished = (repository: RepositoryName, waitMs: number): Promise<'published' | 'pending'> =>
    queue.of(repository).whenPublished(waitMs);

  const incomingFiles = createIncomingFiles((path, error) =>
    log.warn({ err: error, path }, 'a file in incoming could not be removed; the next start does it'),
  );
  const resumableUploads = await ResumableUploads.open({ directory: folders.resumableDir, log, now });
  const readiness = Promise.withResolvers<void>();
  // Told to requests; there may be none.
  readiness.promise.catch(() => undefined);
  const app = await buildApp({
    log,
    topDir: folders.topDir,
    publicUrl: config.server.publicUrl,
    publicPath,
    access,
    auditLog,
    metrics,
    upload: {
      ...config.server,
      ...folders,
      quietMs: config.reindex.quietMs,
      publicUrl: config.server.publicUrl,
      room: pipeline.bodyRoom,
      ingest: async (upload, request) => {
        const outcome = await pipeline.ingest(upload);
        const { nevra, sha256, sizeBytes, warnings, places } = outcome;
        const repositories = places.map(({ repository }) => repository);
        const facts = { nevra, sha256, sizeBytes, repositories };
        request.log.info({ ...facts, ...(warnings && { warnings }) }, `package ${outcome.outcome}`);
        return outcome;
      },
      waitUntilInstallable: pipeline.hurryUntilInstallable,
      removeIncoming: incomingFiles.remove,
      countUpload: metrics.countUpload,
    },
    resumableUploads,
    metadata: {
      ...folders,
      room: pipeline.bodyRoom,
      checkTarget: requests.checkMetadataTarget,
      putMetadata: (repository, type, { requester, signal, ...put }) =>
        requests.putMetadata(repository, type, { ...put, sender: { owner: nameOwner(requester), signal } }),
      removeMetadata: requests.removeMetadata,
      findMetadata: requests.findMetadata,
      listMetadata: requests.listMetadata,
      openContent: openMetadata,
      whenPublished: (repository, waitMs) => {
        queue.hurry([repository]);
        return whenPublished(repository, waitMs);
      },
      removeIncoming: incomingFiles.remove,
    },
    batches: {
      ...pipeline.batches,
      lineOf: (outcome, state) =>
        state === 'pending' ? waitingLine(outcome, config.server) : outcomeLine(outcome, config.reindex),
      waitUntilInstallable: pipeline.hurryUntilInstallable,
    },
    api: {
      listStatus: () => queue.listStatus(),
      statusOf: (repository) => queue.statusOf(repository),
      listSetAside: (repository) => records.listSetAside(repository),
      listPackageFaults: (repository) => records.listPackageFaults(repository),
      receiptsAfter: (repository, location) =>
        longWork.piece(() => records.receiptsAfter(repository, location, RECEIPTS_A_PIECE)),
      reindexNow: requests.reindexNow,
      whenPublished,
      endQuietTime: (repositories) => queue.hurry(repositories),
      describeUpload: pipeline.describeUpload,
      waitUntilInstallable: pipeline.waitUntilInstallable,
    },
    health: { findFaults: pipeline.findFaults },
    nginx,
    longWork,
    whenReady: readiness.promise,
  });
  const sweeper = setInterval(() => {
    sweep();
    if (engine.isCheapWhenUnchanged) requests.lookAtAll();
  }, SWEEP_EVERY_MS);
  try {
    // First: a start that fails, most often for an address, changes nothing that hosts read.
    const text = `serving ${folders.topDir} as ${config.server.publicUrl}`;
    const address = await listen(app, config.server.listen, { passedFds, text });
    await writeClientFiles(tree, clientConfig, log);
    tellStatus('Taking up the repositories');
    await pipeline.takeUp();
    sweep();
    readiness.resolve();
    dropDirectory = startDropDirectory(config, { tree, pipeline, auditLog, incomingFiles, log });
    return { address, stop };
  } catch (error) {
    readiness.reject(shuttingDown());
    await stop();
    throw error;
  }

  /** Removes unfinished and forgotten things whose time is over. */
  function sweep(): void {
    const sweeps = {
      spool: sweepSpool(folders.spoolDir, now()),
      batches: pipeline.batches.sweep().then(auditDropped),
      'resumable uploads': resumableUploads.sweep(),
    };
    for (const [what, swept] of Object.entries(sweeps)) {
      swept.catch((error: unknown) => log.warn({ err: error }, `${what} not swept`));
    }
  }

  function auditDropped(batches: readonly string[]): void {
    const time = new Date(now()).toISOString();
    for (const batch of batches) auditLog.write({ time, who: 'service', outcome: 'batch expired', batch });
  }

  async function stop(): Promise<void> {
    clearInterval(sweeper);
    // Those who wait get their 202 first: their connections would keep the app open.
    const runsEnded = pipeline.endRuns();
    const dropClosed = dropDirectory?.close();
    await Promise.all([closeApp(app, uploadGraceMs), waitAtMost(uploadGraceMs, dropClosed, () => undefined)]);
    await runsEnded;
    // What still goes on meets a pipeline that ends its tools and threads, but has its records to the end.
    await Promise.all([resumableUploads.settled(), dropClosed, pipeline.close()]);
    await incomingFiles.settled();
    await auditLog.close();
  }
}

/** Undefined when the configuration names none. */
function startDropDirectory(
  { dropDirectory: dropped, server }: Config,
  parts: {
    readonly tree: Tree;
    readonly pipeline: Pipeline;
    readonly auditLog: AuditLog;
    readonly incomingFiles: IncomingFiles;
    readonly log: Logger;
  },
): DropDirectory | undefined {
  if (dropped === undefined) return undefined;
  const { tree, pipeline, auditLog, incomingFiles, log } = parts;
  const requester = createRequester({
    kind: 'drop',
    name: 'directory',
    rights: createRights({ upload: dropped.upload }),
    isProven: true,
  });
  const now = Date.now;
  const { maxUploadBytes } = server;
  const budgets = createRefusalBudgets(now);
  return openDropDirectory({
    path: dropped.path,
    rules: dropped,
    take: {
      maxUploadBytes,
      checkStart,
      spool: (body) =>
        streamToSpool(body, tree.folders, { maxUploadBytes, stallMs: STALL_MS, room: pipeline.bodyRoom }),
      requester,
      ingest: pipeline.ingest,
      removeIncoming: incomingFiles.remove,
    },
    report: {
      audit: (facts) => {
        const who = 'drop directory';
        const leftOut = budgets.take(who, facts.outcome);
        if (leftOut !== undefined)
          auditLog.write({ time: new Date(now()).toISOString(), who, ...facts, ...leftOut });
      },
      countUpload: pipeline.metrics.countUpload,
      log,
      now,
    },
  });
}

function warnOfFault(fault: AppError | undefined, consequence: string, log: Logger): void {
  if (fault === undefined) return;
  const { message, hint, code } = fault;
  log.warn({ code, hint }, `${message}; ${consequence}. ${hint}`);
}

async function warnOfWeakKeys(signer: Pick<Signer, 'findWeakKeys'> | undefined, log: Logger): Promise<void> {
  try {
    for (const weakKey of (await signer?.findWeakKeys()) ?? []) log.warn(weakKey, WEAK_KEY);
  } catch (error) {
    warnOfFault(toAppError(error), 'the service does not know whether hosts refuse a signing key', log);
  }
}

/** What hosts need before the first package. */
async function writeClientFiles(
  { folders: { topDir }, signer }: Tree,
  clientConfig: ClientConfig,
  log: Logger,
): Promise<void> {
  try {
    await writeGeneralRepoFile(topDir, clientConfig);
  } catch (error) {
    log.error({ err: error }, 'rpmyard.repo not written');
  }
  try {
    await writeKeyFile(topDir, await signer?.exportKeys());
  } catch (error) {
    log.error({ err: error }, `${KEY_FILE} not written: hosts cannot import the keys`);
  }
}

/** Uploads in flight may finish; a connection that is still open after the grace time is cut. */
async function closeApp(app: FastifyInstance, graceMs: number): Promise<void> {
  const closed = app.close();
  await waitAtMost(graceMs, closed, () => app.server.closeAllConnections());
  await closed;
}
