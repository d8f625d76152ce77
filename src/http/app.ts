import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from 'fastify';
import type { Access } from '../trust/access.ts';
import type { AuditLog } from '../trust/audit-log.ts';
import type { AppError } from '../errors.ts';
import {
  answerUnreadable,
  createErrorHandler,
  MAX_HEADER_BYTES,
  noteWhatIsWanted,
  nothingThere,
} from './answer-errors.ts';
import { createNginxHandlers } from './auth/create-nginx-handlers.ts';
import type { BatchOptions } from './batch-options.ts';
import { createBatchHandlers } from './batches/create-batch-handlers.ts';
import { createErrorLog } from './error-log.ts';
import { createHealthHandlers, type HealthOptions } from './health/create-health-handlers.ts';
import { admitInTime } from './hooks/admit-in-time.ts';
import { answerInTurn } from './hooks/answer-in-turn.ts';
import { auditRequests } from './hooks/audit-requests.ts';
import { guardRoutes } from './hooks/guard-routes.ts';
import { settleHeaders } from './hooks/settle-headers.ts';
import type { LongWork } from '../base/turns/long-work.ts';
import type { MetadataOptions } from './metadata-options.ts';
import { createMetadataHandlers } from './metadata/create-metadata-handlers.ts';
import type { Metrics } from '../observe/metrics.ts';
import { createOpenapiHandler } from './openapi/create-openapi-handler.ts';
import type { NginxInFront } from './nginx-in-front.ts';
import { registerRoutes } from './register-routes.ts';
import { createTreeHandlers } from './repo/create-tree-handlers.ts';
import { createRepositoryHandlers } from './repositories/create-repository-handlers.ts';
import type { RepositoryOptions } from './repository-options.ts';
import { createResumableHandlers } from './resumable/create-resumable-handlers.ts';
import type { RouteHandlers } from './routes.ts';
import type { ResumableUploads } from '../intake/resumable-uploads.ts';
import type { UploadOptions } from './upload-options.ts';
import { createUploadHandlers } from './upload/create-upload-handlers.ts';
import { leadToMajor } from './hooks/lead-to-major.ts';
import { refuseUnknownParameters } from './hooks/refuse-unknown-parameters.ts';
import { plainRepositoryUrl } from './hooks/plain-repository-url.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The client asked for JSON; it gets one line of text otherwise. */
    wantsJson: boolean;
    /** Logs an error of a part of this request. */
    logError: (error: AppError, facts: Readonly<Record<string, unknown>>) => void;
  }
}

export interface AppParts {
  readonly log: FastifyBaseLogger;
  readonly topDir: string;
  /** How clients reach the service. */
  readonly publicUrl: string;
  /** The path that a proxy in front removes from the beginning of each URL; empty without one. */
  readonly publicPath: string;
  readonly access: Access;
  readonly auditLog: AuditLog;
  readonly metrics: Metrics;
  readonly upload: UploadOptions;
  readonly resumableUploads: ResumableUploads;
  readonly metadata: MetadataOptions;
  readonly batches: BatchOptions;
  readonly api: RepositoryOptions;
  readonly health: Pick<HealthOptions, 'findFaults'>;
  /** Called for each request, where nginx is in front. */
  readonly nginx: Pick<NginxInFront, 'note'>;
  /** For answers that would keep other requests waiting. */
  readonly longWork: LongWork;
  /** Early requests wait for it; when it fails, they are refused with its error. */
  readonly whenReady: Promise<void>;
}

// The files that hosts read.
const REPO = '/repo/';
// Enough for a whole upload of 10 GiB over a slow line; a client that sends nothing for a minute is cut off long
// before.
const REQUEST_TIMEOUT_MS = 6 * 3_600_000;
// Above the longest ?wait= (50 s), in which a connection is silent.
const IDLE_TIMEOUT_MS = 75_000;

/** The HTTP side as a whole: every route and the one error handler. It does not listen. */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const isBehindNginx = parts.upload.uploadHeader !== undefined;
  const onDisk = (path: string): string => leadToMajor(path, parts.topDir);
  const logError = createErrorLog(Date.now);
  const answerError = createErrorHandler(logError);
  const app = fastify({
    loggerInstance: parts.log,
    http: { maxHeaderSize: MAX_HEADER_BYTES },
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    // One line a request, written below, instead of Fastify's two.
    logController: new LogController({ disableRequestLogging: true }),
    // A client may send a request id through nginx; the one in the log must not be forgeable.
    requestIdHeader: false,
    genReqId: () => crypto.randomUUID(),
    // nginx says for which client it passes a request on; any other client could only claim that.
    trustProxy: isBehindNginx,
    // A URL that cannot be decoded reaches no hook and no route.
    frameworkErrors: (error, request, reply) => {
      noteWhatIsWanted(request);
      answerError(error, request, reply);
    },
    clientErrorHandler: answerUnreadable,
    // Fastify's own answer names no error code of the service; the answer of admitInTime does.
    return503OnClosing: false,
    // No route has a schema of Fastify's: the table has what a request may bring. Without these Fastify loads ajv at each start.
    schemaController: { compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema } },
    forceCloseConnections: 'idle',
    exposeHeadRoutes: true,
    rewriteUrl: ({ url = '' }) => urlOnDisk(plainRepositoryUrl(originForm(url)), onDisk),
  });
  app.decorateRequest('wantsJson', false);
  app.decorateRequest('logError', function (this: FastifyRequest, error, facts) {
    logError(this.log, error, facts);
  });
  addHooks(app, parts);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => answerError(nothingThere(request), request, reply));
  letRoutesAnswerExpect(app);
  await registerRoutes(app, createHandlers(parts, onDisk), {
    uploadPath: parts.upload.uploadPath,
    isBehindNginx,
  });
  return app;
}

function refuseSchema(): never {
  throw new Error('what a request may bring stands in http/routes.ts');
}

/** The steps that every request goes through, in this order. */
function addHooks(app: FastifyInstance, parts: AppParts): void {
  const isBehindNginx = parts.upload.uploadHeader !== undefined;
  answerInTurn(app);
  auditRequests(app, parts.auditLog, Date.now);
  settleHeaders(app, parts.publicPath);
  app.addHook('onRequest', async (request) => {
    noteWhatIsWanted(request);
    if (isBehindNginx) parts.nginx.note(request.headers);
  });
  admitInTime(app, parts.whenReady);
  guardRoutes(app, parts);
  refuseUnknownParameters(app);
  app.addHook('onResponse', async (request, reply) => {
    request.log.debug(
      {
        method: request.method,
        url: request.originalUrl,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
        address: request.ip,
      },
      'request',
    );
  });
}

function createHandlers(parts: AppParts, onDisk: (path: string) => string): RouteHandlers {
  const { upload } = parts;
  const { maxUploadBytes } = upload;
  return {
    ...createUploadHandlers(upload),
    ...createResumableHandlers({ ...upload, resumableUploads: parts.resumableUploads }),
    ...createBatchHandlers(parts.batches),
    ...createRepositoryHandlers(parts.api),
    ...createMetadataHandlers(parts.metadata),
    ...createTreeHandlers(parts),
    ...createHealthHandlers({ ...parts.health, metrics: parts.metrics }),
    ...createOpenapiHandler({ publicUrl: parts.publicUrl, uploadPath: upload.uploadPath }),
    ...createNginxHandlers({ ...parts, demandRoom: upload.room.demandRoom, maxUploadBytes, onDisk }),
  };
}

/** A request line may have a whole URL, as one to a proxy has. Source: RFC 9112, 3.2.2. */
function originForm(target: string): string {
  const rest = target.replace(/^https?:\/\/[^/?#]*/i, '');
  return rest === target || rest.startsWith('/') ? rest : `/${rest}`;
}

function urlOnDisk(url: string, onDisk: (path: string) => string): string {
  return url.startsWith(REPO) ? REPO + onDisk(url.slice(REPO.length)) : url;
}

/**
 * Without a listener of its own, Node answers `Expect: 100-continue` at once and the client sends a body that a route
 * may be about to refuse. The routes that take one say "continue" themselves.
 */
function letRoutesAnswerExpect(app: FastifyInstance): void {
  app.server.on('checkContinue', (request, response) => app.server.emit('request', request, response));
}
