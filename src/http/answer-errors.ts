import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, errorLine, problemOf, toAppError } from '../errors.ts';
import type { ErrorLog } from './error-log.ts';

// nginx passes on at most 33 KB (nginx/server.conf), adds the path of a spool file (4 KB at most), and in its questions the
// request line as a header (8 KB at most).
export const MAX_HEADER_BYTES = 64 * 1024;

/** Logs an error and answers a request with it, as text or as a problem document. */
export function createErrorHandler(
  logError: ErrorLog,
): (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply {
  return (thrown, request, reply) => {
    const error = thrown instanceof AppError ? thrown : fromFastify(thrown);
    logError(request.log, error);
    request.refusal = { outcome: error.code, detail: error.message };
    // A route may have told caches to keep a package for a year before it failed.
    reply.code(error.statusCode).header('cache-control', 'no-store');
    if (error.statusCode === 401) reply.header('www-authenticate', 'Basic realm="Rpmyard", charset="UTF-8"');
    return request.wantsJson
      ? reply.type('application/problem+json').send(problemOf(error, request.id))
      : reply.type('text/plain; charset=utf-8').send(errorLine(error));
  };
}

/** A request that no route takes. */
export function nothingThere({ method, url }: FastifyRequest): AppError {
  return new AppError('NOT_FOUND', `there is nothing at ${method} ${url}`, {
    hint: 'Packages go to /upload, hosts read /repo/, see docs/http.md.',
  });
}

/** Keeps in mind whether the client wants JSON. */
export function noteWhatIsWanted(request: FastifyRequest): void {
  request.wantsJson = /application\/(?:problem\+)?json/i.test(request.headers.accept ?? '');
}

/** For a request that is no HTTP there is no request object: the answer goes to the connection. */
export function answerUnreadable(cause: Error, socket: Socket): void {
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
  return new AppError('PARAMETER_INVALID', thrown.message, {
    hint: 'Correct the request; docs/http.md shows what each URL takes.',
    cause: thrown,
  });
}

function isFastifyError(thrown: unknown): thrown is FastifyError {
  return thrown instanceof Error && 'statusCode' in thrown && 'code' in thrown;
}
