import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { getCACertificates } from 'node:tls';
import type { ProxySettings } from './proxy-settings.ts';
import { type FilePart, sendBody } from './push/send-body.ts';

export interface Sending {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: FilePart;
  /** How long the connection may be silent. */
  readonly idleMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends one request and gives its answer, with any status. Rejects when the connection gives no answer. */
export type Exchange = (sending: Sending) => Promise<Answer>;

export interface Connection extends Disposable {
  readonly exchange: Exchange;
}

export interface ConnectionOptions {
  /** Sent with every request: credentials, and the name of this program. */
  readonly headers: OutgoingHttpHeaders;
  /** Default for requests that set no limit of their own. */
  readonly idleMs: number;
  /** The proxy to go through; undefined without one. */
  readonly proxy?: ProxySettings;
  /** Ends every request at once. */
  readonly signal?: AbortSignal;
}

// Even the description of a batch of tens of thousands of packages is smaller.
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Connections to the service, kept open from one request to the next. */
export function openConnection(protocol: string, options: ConnectionOptions): Connection {
  const proxyEnv = { ...options.proxy };
  const agent =
    protocol === 'https:'
      ? new HttpsAgent({ keepAlive: true, ca: trusted(), proxyEnv })
      : new HttpAgent({ keepAlive: true, proxyEnv });
  return {
    exchange: async (sending) => exchangeOnce(sending, agent, options),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** Trusts the certificates of the machine, as curl does, and those of NODE_EXTRA_CA_CERTS. */
function trusted(): string[] {
  return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
}

async function exchangeOnce(sending: Sending, agent: HttpAgent, options: ConnectionOptions): Promise<Answer> {
  const { method, url, body } = sending;
  const { signal } = options;
  const idleMs = sending.idleMs ?? options.idleMs;
  const outgoing = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method,
    agent,
    headers: { accept: 'application/json', ...options.headers, ...sending.headers, ...toLengthHeaders(body) },
    timeout: idleMs,
    ...(signal !== undefined && { signal }),
  });
  const answered = whenAnswered(outgoing, idleMs);
  // An answer may come before the body is sent: it is a refusal, and the rest of the body is not needed.
  const enough = new AbortController();
  const sent = sendBody(outgoing, body, enough.signal).catch((error: unknown) => {
    outgoing.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    const incoming = await answered;
    enough.abort();
    return { status: incoming.statusCode ?? 0, headers: incoming.headers, text: await readText(incoming) };
  } finally {
    enough.abort();
    await sent;
    // The service still waits for the rest of the body: no other request can use this connection.
    if (!outgoing.writableEnded) outgoing.destroy();
  }
}

function toLengthHeaders(body: FilePart | undefined): OutgoingHttpHeaders {
  if (body === undefined) return {};
  const { sizeBytes, isAskedFor } = body;
  return { 'content-length': sizeBytes, ...(isAskedFor && { expect: '100-continue' }) };
}

function whenAnswered(outgoing: ClientRequest, idleMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve);
    // The listener stays: the connection may break again after the answer.
    outgoing.on('error', reject);
    outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer for ${idleMs / 1000} s`)));
  });
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('expected bytes');
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) throw new Error(`it answers more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
