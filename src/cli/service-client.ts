import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Config } from '../config/load.ts';
import { AppError, ERROR_STATUS, type ErrorCode } from '../errors.ts';

/** The running service, as a command of its own machine talks to it: past nginx, to where it listens. */
export interface ServiceClient {
  /** @throws AppError with the service's code, or TREE_LOCKED when nobody answers. */
  readonly send: (method: 'GET' | 'POST', path: string) => Promise<ServiceAnswer>;
}

export interface ServiceAnswer {
  readonly status: number;
  readonly body: unknown;
}

// Above the longest ?wait= (50 s).
const ANSWER_TIMEOUT_MS = 90_000;

export function createServiceClient({ server }: Config): ServiceClient {
  const target =
    'path' in server.listen
      ? { socketPath: server.listen.path }
      : { host: server.listen.host, port: server.listen.port };
  const where = 'path' in server.listen ? server.listen.path : `${server.listen.host}:${server.listen.port}`;

  return {
    send: (method, path) =>
      new Promise((resolve, reject) => {
        const outgoing = request(
          { ...target, method, path, headers: { accept: 'application/json' }, timeout: ANSWER_TIMEOUT_MS },
          (incoming) => {
            text(incoming)
              .then((body) => resolve(toAnswer(incoming.statusCode ?? 0, body)))
              .catch(reject);
          },
        );
        outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
        outgoing.on('error', (cause) => reject(unreachable(where, cause)));
        outgoing.end();
      }),
  };
}

/** @throws AppError of a problem document. */
function toAnswer(status: number, body: string): ServiceAnswer {
  const content: unknown = JSON.parse(body);
  if (status < 400) return { status, body: content };
  const problem: Record<string, unknown> = Object.assign({}, content);
  const code = String(problem['code']);
  throw new AppError(isErrorCode(code) ? code : 'INTERNAL', String(problem['detail']), {
    hint: String(problem['hint']),
  });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_STATUS, code);
}

function unreachable(where: string, cause: Error): AppError {
  return new AppError('TREE_LOCKED', `another process owns the tree, but no service answers at ${where}`, {
    hint: 'Name the configuration file of the service that runs (-c), or wait for the other command to end.',
    cause,
  });
}
