import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Of the body, so far. */
  receivedBytes: number;
}

export interface Exchanged {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly seen: SeenRequest;
  /** Takes the whole body, telling the client to send it when it asks. */
  readonly takeBody: () => Promise<void>;
  readonly answer: (status: number, document?: object, headers?: Readonly<Record<string, string>>) => void;
  /** Breaks the connection. */
  readonly cut: () => void;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly baseUrl: string;
  readonly seen: readonly SeenRequest[];
}

/** A server that does what a test says, on a connection that reads nothing of a body unless told to. */
export async function startScriptedServer(
  script: (exchanged: Exchanged) => void | Promise<void>,
): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url: path = '', headers } = request;
    const one: SeenRequest = { method, path, headers, receivedBytes: 0 };
    seen.push(one);
    const cut = (): void => void request.socket.destroy();
    // A client that goes away in the middle is what many tests are about.
    Promise.resolve(script(exchangedOf(request, response, one))).catch(cut);
  };
  const server = createServer(handle).on('checkContinue', handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('expected a TCP address');
  return {
    baseUrl: `http://127.0.0.1:${address.port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What every error of the service has beside what a test says of it. */
function asProblem(status: number, document: object): object {
  if (!('code' in document)) return document;
  return { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, ...document };
}

function exchangedOf(request: IncomingMessage, response: ServerResponse, seen: SeenRequest): Exchanged {
  return {
    request,
    response,
    seen,
    takeBody: async () => {
      if (request.headers.expect !== undefined) response.writeContinue();
      for await (const chunk of request) {
        if (!Buffer.isBuffer(chunk)) throw new TypeError('expected bytes');
        seen.receivedBytes += chunk.length;
      }
    },
    answer: (status, document, headers = {}) => {
      const body = document === undefined ? undefined : JSON.stringify(asProblem(status, document));
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    },
    cut: () => void request.socket.destroy(),
  };
}
