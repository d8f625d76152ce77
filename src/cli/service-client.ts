import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { PROBLEM } from '../api/problem.ts';
import { fitsSchema } from '../base/schema/fits-schema.ts';
import type { JsonSchema, TypeOf } from '../base/schema/json-schema.ts';
import { readLocalToken } from '../trust/local-token.ts';
import type { Config } from '../base/config/load.ts';
import { AppError, ERROR_STATUS, type ErrorCode } from '../errors.ts';
import { parseJson } from '../client/parse-json.ts';
import { readServiceAddress } from './service-address.ts';

/** The running service, as a command on the same machine talks to it: past nginx, at the address where it listens. */
export interface ServiceClient {
  /** @throws AppError with the service's code, or TREE_LOCKED when no Rpmyard answers. */
  readonly send: <const Body extends JsonSchema>(
    method: 'GET' | 'POST',
    path: string,
    body: Body,
  ) => Promise<{ readonly status: number; readonly body: TypeOf<Body> }>;
}

// Above the longest ?wait= (50 s).
const ANSWER_TIMEOUT_MS = 90_000;

export function createServiceClient({ server, stateDir }: Config): ServiceClient {
  const listen = readServiceAddress(stateDir) ?? server.listen;
  const target = 'path' in listen ? { socketPath: listen.path } : { host: listen.host, port: listen.port };
  const where = 'path' in listen ? listen.path : `${listen.host}:${listen.port}`;

  return {
    send: async (method, path, body) => {
      const answer = await exchange(method, encodeURI(path)).catch((cause: unknown) => {
        throw unreachable(where, cause);
      });
      const content = parseJson(answer.text);
      if (answer.status >= 400 && fitsSchema(PROBLEM, content)) throw toError(content);
      if (answer.status < 400 && fitsSchema(body, content)) return { status: answer.status, body: content };
      throw unreachable(where, new Error(`${method} ${path} answered ${answer.status} with something else`));
    },
  };

  function exchange(
    method: string,
    path: string,
  ): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const token = readLocalToken(stateDir);
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const headers = { accept: 'application/json', ...authorization };
      const outgoing = request(
        { ...target, method, path, headers, timeout: ANSWER_TIMEOUT_MS },
        (incoming) => {
          text(incoming).then((body) => resolve({ status: incoming.statusCode ?? 0, text: body }), reject);
        },
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
      outgoing.on('error', reject);
      outgoing.end();
    });
  }
}

function toError({ code, detail, hint }: TypeOf<typeof PROBLEM>): AppError {
  return new AppError(isErrorCode(code) ? code : 'INTERNAL', detail, { hint });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_STATUS, code);
}

function unreachable(where: string, cause: unknown): AppError {
  return new AppError('TREE_LOCKED', `another process owns the tree, but no Rpmyard answers at ${where}`, {
    hint: 'Name the configuration file of the service that runs (-c), or wait for the other command to end.',
    cause,
  });
}
