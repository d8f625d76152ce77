import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../base/config/load.ts';
import { waitAtMost } from '../base/turns/wait-at-most.ts';
import { buildApp } from '../http/app.ts';
import type { ClientConfig } from '../http/client-config.ts';
import { createNginxInFront } from '../http/nginx-in-front.ts';
import { toPublicPath } from '../http/public-path.ts';
import { shuttingDown } from '../http/shutting-down.ts';
import { createIncomingFiles, type IncomingFiles } from '../intake/incoming-files.ts';
import type { DropDirectory } from '../intake/open-drop-directory.ts';
import { ResumableUploads } from '../intake/resumable-uploads.ts';
import { sweepSpool } from '../intake/sweep-leftovers.ts';
import { type AuditLog, openAuditLog } from '../trust/audit-log.ts';
import { openAccess } from '../trust/open-access.ts';
import { buildRouteOptions } from './build-route-options.ts';
import { listen } from './listen.ts';
import { toClientConfig, openPipeline, type Pipeline } from './open-pipeline.ts';
import { openTree, type Tree } from './open-tree.ts';
import { startDropDirectory } from './start-drop-directory.ts';
import { warnAtStart } from './warn-at-start.ts';
import { writeClientFiles } from './write-client-files.ts';

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
    const running = await RunningService.build(config, tree, log);
    const address = await running.start({ passedFds, tellStatus, uploadGraceMs });
    const close = async (): Promise<void> => {
      await running.stop(uploadGraceMs);
      await tree.close();
    };
    return { address, close };
  } catch (error) {
    await tree.close();
    throw error;
  }
}

interface RunningParts {
  readonly config: Config;
  readonly tree: Tree;
  readonly log: Logger;
  readonly auditLog: AuditLog;
  readonly clientConfig: ClientConfig;
  readonly pipeline: Pipeline;
  readonly incomingFiles: IncomingFiles;
  readonly resumableUploads: ResumableUploads;
  readonly app: FastifyInstance;
  readonly readiness: PromiseWithResolvers<void>;
}

/** The service without the tree, which its opener closes. */
class RunningService {
  readonly #parts: RunningParts;
  readonly #ways: { drop: DropDirectory | undefined };
  #sweeper: NodeJS.Timeout | undefined;

  private constructor(parts: RunningParts, ways: { drop: DropDirectory | undefined }) {
    this.#parts = parts;
    this.#ways = ways;
  }

  static async build(config: Config, tree: Tree, log: Logger): Promise<RunningService> {
    const now = Date.now;
    const { folders, storage } = tree;
    await warnAtStart(config, tree, log);
    const publicPath = toPublicPath(config.server.publicUrl);
    const { stateDir } = folders;
    const access = openAccess(config.access, { stateDir, nonces: storage.records, publicPath, now, log });
    const auditLog = openAuditLog(config.access.auditLog, (error, line) =>
      log.error({ err: error, line }, 'audit log not written'),
    );
    const clientConfig = toClientConfig(config, tree);
    const nginx = createNginxInFront(log, now);
    const ways: { drop: DropDirectory | undefined } = { drop: undefined };
    const pipeline = await openPipeline(config, tree, log, {
      findNginxFault: nginx.findFault,
      findDropFault: () => ways.drop?.findFault(),
      countStuckDrops: () => ways.drop?.countStuck() ?? 0,
    });
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
      metrics: pipeline.metrics,
      ...buildRouteOptions({ config, tree, pipeline, incomingFiles }),
      resumableUploads,
      nginx,
      longWork: pipeline.longWork,
      whenReady: readiness.promise,
    });
    const own = { auditLog, clientConfig, pipeline, incomingFiles, resumableUploads, app, readiness };
    return new RunningService({ config, tree, log, ...own }, ways);
  }

  /** @returns where it listens. */
  async start({ passedFds, tellStatus, uploadGraceMs }: Required<StartOptions>): Promise<string> {
    const { config, tree, log, app, clientConfig, pipeline, readiness } = this.#parts;
    this.#sweeper = setInterval(() => this.#sweepAndLook(), SWEEP_EVERY_MS);
    try {
      // First: a start that fails, most often for an address, changes nothing that hosts read.
      const text = `serving ${tree.folders.topDir} as ${config.server.publicUrl}`;
      const address = await listen(app, config.server.listen, { passedFds, text });
      await writeClientFiles(tree, clientConfig, log);
      tellStatus('Taking up the repositories');
      await pipeline.takeUp();
      this.#sweep();
      readiness.resolve();
      this.#ways.drop = startDropDirectory(config, this.#parts);
      return address;
    } catch (error) {
      readiness.reject(shuttingDown());
      await this.stop(uploadGraceMs);
      throw error;
    }
  }

  async stop(uploadGraceMs: number): Promise<void> {
    const { app, pipeline, resumableUploads, incomingFiles, auditLog } = this.#parts;
    clearInterval(this.#sweeper);
    // Those who wait get their 202 first: their connections would keep the app open.
    const runsEnded = pipeline.endRuns();
    const dropClosed = this.#ways.drop?.close();
    await Promise.all([closeApp(app, uploadGraceMs), waitAtMost(uploadGraceMs, dropClosed, () => undefined)]);
    await runsEnded;
    // What still goes on meets a pipeline that ends its tools and threads, but has its records to the end.
    await Promise.all([resumableUploads.settled(), dropClosed, pipeline.close()]);
    await incomingFiles.settled();
    await auditLog.close();
  }

  #sweepAndLook(): void {
    const { tree, pipeline } = this.#parts;
    this.#sweep();
    if (tree.reindexParts.engine.isCheapWhenUnchanged) pipeline.requests.lookAtAll();
  }

  /** Removes what no client has come back to. */
  #sweep(): void {
    const { tree, log, pipeline, resumableUploads } = this.#parts;
    const sweeps = {
      spool: sweepSpool(tree.folders.spoolDir, Date.now()),
      batches: pipeline.batches.sweep().then((batches) => this.#auditDropped(batches)),
      'resumable uploads': resumableUploads.sweep(),
    };
    for (const [what, swept] of Object.entries(sweeps)) {
      swept.catch((error: unknown) => log.warn({ err: error }, `${what} not swept`));
    }
  }

  #auditDropped(batches: readonly string[]): void {
    const time = new Date().toISOString();
    for (const batch of batches) {
      this.#parts.auditLog.write({ time, who: 'service', outcome: 'batch expired', batch });
    }
  }
}

/** Uploads in flight may finish; a connection that is still open after the grace time is cut. */
async function closeApp(app: FastifyInstance, graceMs: number): Promise<void> {
  const closed = app.close();
  await waitAtMost(graceMs, closed, () => app.server.closeAllConnections());
  await closed;
}
