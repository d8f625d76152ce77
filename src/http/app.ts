import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Access } from '../trust/access.ts';
import type { AuditLog } from '../trust/audit-log.ts';
import { answerInTurn } from './hooks/answer-in-turn.ts';
import { auditRequests } from './hooks/audit-requests.ts';
import { authRoutes } from './auth/auth-routes.ts';
import { guardRoutes } from './hooks/guard-routes.ts';
import { AppError, errorLine, problemOf, toAppError } from '../errors.ts';
import { batchRoutes, type BatchRoutesOptions } from './batch-routes.ts';
import { createErrorLog, type ErrorLog } from './error-log.ts';
import type { LongWork } from '../base/turns/long-work.ts';
import { metadataRoutes, type MetadataRoutesOptions } from './metadata/metadata-routes.ts';
import { resumableRoutes } from './resumable/resumable-routes.ts';
import type { ResumableUploads } from '../intake/resumable-uploads.ts';
import type { UploadOptions } from './upload-options.ts';
import { uploadRoutes } from './upload/upload-routes.ts';
import { apiRoutes, type ApiRoutesOptions } from './repositories/api-routes.ts';
import { healthRoutes, type HealthRoutesOptions } from './health/health-routes.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { NginxInFront } from './nginx-in-front.ts';
import { metricsRoute } from './health/metrics-route.ts';
import { leadToMajor } from './hooks/lead-to-major.ts';
import { refuseUnknownParameters } from './hooks/refuse-unknown-parameters.ts';
import { plainRepositoryUrl } from './hooks/plain-repository-url.ts';
import { repoRoutes } from './repo/repo-routes.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The client asked for JSON; it gets one line of text otherwise. */
    wantsJson: boolean;
    /** Logs an error that only a part of this request met. */
    logError: (error: AppError, facts: Readonly<Record<string, unknown>>) => void;
  }
}

export interface AppParts {
  readonly log: FastifyBaseLogger;
  readonly topDir: string;
  /** How clients reach the service. */
  readonly publicUrl: string;
  /** What a proxy in front takes away from the beginning of each path; empty where there is none. */
  readonly publicPath: string;
  readonly access: Access;
  readonly auditLog: AuditLog;
  readonly metrics: Metrics;
  readonly upload: UploadOptions;
  readonly resumableUploads: ResumableUploads;
  readonly metadata: MetadataRoutesOptions;
  readonly batches: BatchRoutesOptions;
  readonly api: ApiRoutesOptions;
  readonly health: HealthRoutesOptions;
  /** Told of each request, where nginx is in front. */
  readonly nginx: Pick<NginxInFront, 'note'>;
  /** For answers that would keep other requests waiting. */
  readonly longWork: LongWork;
  /** Requests that come before wait for it; when it fails, they are refused with its error. */
  readonly whenReady: Promise<void>;
}

// What hosts read.
const REPO = '/repo/';
// A whole upload of 10 GiB over a slow line fits; a client that sends nothing for a minute is cut off long before.
const REQUEST_TIMEOUT_MS = 6 * 3_600_000;
// Above the longest ?wait= (50 s), in which a connection is silent.
const IDLE_TIMEOUT_MS = 75_000;

// nginx passes on at most 33 KB (nginx/server.conf), adds the path of a spool file (4 KB at most), and in its questions the
// request line as a header (8 KB at most).
const MAX_HEADER_BYTES = 64 * 1024;

// A request that comes this soon after the stop began was on its way, on a connection that was accepted before.
const LATE_REQUEST_MS = 5_000;

/** The HTTP side as a whole: every route and the one error handler. It does not listen. */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const isBehindNginx = parts.upload.uploadHeader !== undefined;
  const logError = createErrorLog(Date.now);
  const answerError = createErrorHandler(logError);
  const onDisk = (path: string): string => leadToMajor(path, parts.topDir);
  const urlOnDisk = (url: string): string =>
    url.startsWith(REPO) ? REPO + onDisk(url.slice(REPO.length)) : url;
  const app = fastify({
    loggerInstance: parts.log,
    http: { maxHeaderSize: MAX_HEADER_BYTES },
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    // One line a request, written below, instead of Fastify's two.
    logController: new LogController({ disableRequestLogging: true }),
    // The client may have sent one through nginx; ours must not be forgeable in the log.
    requestIdHeader: false,
    genReqId: () => crypto.randomUUID(),
    // nginx says whose request it passes on; from anybody else that would be a claim.
    trustProxy: isBehindNginx,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    // A URL that cannot be decoded reaches no hook and no route.
    frameworkErrors: (error, request, reply) => {
      noteWhatIsWanted(request);
      answerError(error, request, reply);
    },
    clientErrorHandler: answerUnreadable,
    // Fastify's own answer has no code of ours; the hook below has.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: true,
    rewriteUrl: ({ url = '' }) => urlOnDisk(plainRepositoryUrl(originForm(url))),
  });

  app.decorateRequest('wantsJson', false);
  app.decorateRequest('logError', function (this: FastifyRequest, error, facts) {
    logError(this.log, error, facts);
  });
  answerInTurn(app);
  auditRequests(app, parts.auditLog, Date.now);
  let closingSinceMs: number | undefined;
  app.addHook('preClose', async () => {
    closingSinceMs = performance.now();
  });
  app.addHook('onSend', async (request, reply) => {
    keepPrivate(request, reply);
    leadBelow(parts.publicPath, reply);
    // A connection that is kept alive after its answer would keep the service from ending.
    if (closingSinceMs !== undefined) reply.header('connection', 'close');
  });
  app.addHook('onRequest', async (request) => {
    noteWhatIsWanted(request);
    if (isBehindNginx) parts.nginx.note(request.headers);
    await parts.whenReady;
    if (closingSinceMs === undefined || performance.now() - closingSinceMs < LATE_REQUEST_MS) return;
    throw shuttingDown();
  });
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
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request, reply) => {
    const error = new AppError('NOT_FOUND', `there is nothing at ${request.method} ${request.url}`, {
      hint: 'Packages go to /upload, hosts read /repo/, see docs/http.md.',
    });
    return answerError(error, request, reply);
  });
  letRoutesAnswerExpect(app);

  const { room, maxUploadBytes } = parts.upload;
  const { demandRoom } = room;
  if (isBehindNginx) await app.register(authRoutes, { ...parts, demandRoom, maxUploadBytes, onDisk });
  await app.register(uploadRoutes, parts.upload);
  const { resumableUploads } = parts;
  await app.register(resumableRoutes, { ...parts.upload, resumableUploads });
  await app.register(metadataRoutes, parts.metadata);
  await app.register(batchRoutes, parts.batches);
  await app.register(apiRoutes, parts.api);
  await app.register(healthRoutes, parts.health);
  await app.register(metricsRoute, { metrics: parts.metrics });
  await app.register(repoRoutes, parts);
  return app;
}

/** The answer to who comes when it is over. */
export function shuttingDown(): AppError {
  return new AppError('SHUTTING_DOWN', 'the service is being stopped', {
    hint: 'Send the request again in a moment.',
  });
}

/** A request line may have a whole URL, as one to a proxy has. Source: RFC 9112, 3.2.2. */
function originForm(target: string): string {
  const rest = target.replace(/^https?:\/\/[^/?#]*/i, '');
  return rest === target || rest.startsWith('/') ? rest : `/${rest}`;
}

/** Routes know the path at which a request arrives; a client also knows the one that a proxy took away from it. */
function leadBelow(publicPath: string, reply: FastifyReply): void {
  const location = reply.getHeader('location');
  if (typeof location === 'string' && location.startsWith('/')) {
    reply.header('location', `${publicPath}${location}`);
  }
}

/**
 * What is given for credentials is for that client alone. Not every shared cache knows that of an Authorization (nginx's
 * proxy_cache does not), none of a signature.
 */
function keepPrivate({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (headers.authorization === undefined && headers['x-signature'] === undefined) return;
  const given = reply.getHeader('cache-control');
  if (given === 'no-store') return;
  reply.header('cache-control', given === undefined ? 'private' : `private, ${String(given)}`);
}

/** What is no HTTP gets an answer without a request: the connection is all there is. */
function answerUnreadable(cause: Error, socket: Socket): void {
  if (!socket.writable) return;
  const error = isHeaderOverflow(cause) ? headersTooLarge() : unreadable();
  const body = errorLine(error);
  socket.end(
    `HTTP/1.1 ${error.statusCode} ${STATUS_CODES[error.statusCode]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function isHeaderOverflow(error: Error): boolean {
  return 'code' in error && error.code === 'HPE_HEADER_OVERFLOW';
}

function headersTooLarge(): AppError {
  return new AppError(
    'HEADERS_TOO_LARGE',
    `the request line and the headers are longer than ${MAX_HEADER_BYTES} bytes together`,
    { hint: 'Send fewer or shorter headers.' },
  );
}

function unreadable(): AppError {
  return new AppError('REQUEST_MALFORMED', 'this is no HTTP request that could be read', {
    hint: 'Check the request line, the headers and the transfer encoding.',
  });
}

function noteWhatIsWanted(request: FastifyRequest): void {
  request.wantsJson = /application\/(?:problem\+)?json/i.test(request.headers.accept ?? '');
}

function createErrorHandler(
  logError: ErrorLog,
): (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply {
  return (thrown, request, reply) => {
    const error = thrown instanceof AppError ? thrown : fromFastify(thrown);
    logError(request.log, error);
    request.refusal = { outcome: error.code, detail: error.message };
    // A route may have allowed a package to be remembered for a year before it failed.
    reply.code(error.statusCode).header('cache-control', 'no-store');
    if (error.statusCode === 401) reply.header('www-authenticate', 'Basic realm="Rpmyard", charset="UTF-8"');
    return request.wantsJson
      ? reply.type('application/problem+json').send(problemOf(error, request.id))
      : reply.type('text/plain; charset=utf-8').send(errorLine(error));
  };
}

/**
 * Without a listener of its own, Node answers `Expect: 100-continue` at once and the client sends a body that a route
 * may be about to refuse. The routes that take one say "continue" themselves.
 */
function letRoutesAnswerExpect(app: FastifyInstance): void {
  app.server.on('checkContinue', (request, response) => app.server.emit('request', request, response));
}

/** Fastify's own errors (a query that fails its schema, a body of an unknown type) in our terms. */
function fromFastify(thrown: unknown): AppError {
  const status = isFastifyError(thrown) ? (thrown.statusCode ?? 500) : 500;
  if (!isFastifyError(thrown) || status >= 500) return toAppError(thrown);
  if (thrown.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new AppError('CONTENT_TYPE_WRONG', 'the Content-Type is not one that this URL takes', {
      hint: 'Leave the header out, unless the body is a form (multipart/form-data).',
      cause: thrown,
    });
  }
  return new AppError('PARAMETER_INVALID', validationDetail(thrown), {
    hint: 'Correct the request; docs/http.md shows what each URL takes.',
    cause: thrown,
  });
}

/** Every parameter is a string, so only one that is given twice has another type. */
function validationDetail({ message, validation, validationContext }: FastifyError): string {
  const [fault] = validation ?? [];
  if (fault?.keyword === 'additionalProperties') {
    return `there is no parameter ${String(fault.params['additionalProperty'])}`;
  }
  const isTwice = validationContext === 'querystring' && fault?.keyword === 'type';
  return isTwice ? `the parameter ${fault.instancePath.slice(1)} is given more than once` : message;
}

function isFastifyError(thrown: unknown): thrown is FastifyError {
  return thrown instanceof Error && 'statusCode' in thrown && 'code' in thrown;
}
