import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

export interface HttpRequest {
  /** Default GET. */
  readonly method?: string;
  /** Below the base URL; sent as it is written, dot segments included. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array | Readable;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  json(): unknown;
}

const ANSWER_LIMIT_MS = 90_000;

/** Sends one request on a connection of its own. Rejects when the connection ends without a whole answer. */
export async function sendRequest(baseUrl: string, given: HttpRequest): Promise<HttpAnswer> {
  const { hostname, port, pathname } = new URL(baseUrl);
  const { method = 'GET', path, headers = {}, body } = given;
  const outgoing = request({
    host: hostname,
    port,
    method,
    path: `${pathname.replace(/\/$/, '')}${path}`,
    headers,
    agent: false,
    timeout: ANSWER_LIMIT_MS,
  });
  outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${ANSWER_LIMIT_MS} ms`)));
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject);
  });
  if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)) {
    await pipeline(body, outgoing);
  } else outgoing.end(body);
  const response = await answered;
  const bytes = await buffer(response);
  const text = bytes.toString();
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    bytes,
    text,
    json: () => JSON.parse(text),
  };
}

/** Uploads a package and asks for JSON. `query` without its question mark. */
export async function putPackage(
  baseUrl: string,
  body: Uint8Array,
  query = '',
  headers: OutgoingHttpHeaders = {},
): Promise<HttpAnswer> {
  return sendRequest(baseUrl, {
    method: 'PUT',
    path: query === '' ? '/upload' : `/upload?${query}`,
    headers: { accept: 'application/json', 'content-length': body.length, ...headers },
    body,
  });
}

/** Publishes what a repository holds and answers when that is done, as a release manager would. */
export async function reindex(baseUrl: string, repository: string): Promise<HttpAnswer> {
  return sendRequest(baseUrl, { method: 'POST', path: `/api/v1/repositories/${repository}/reindex?wait=50` });
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
