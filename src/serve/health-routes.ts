import type { FastifyInstance } from 'fastify';
import type { AppError } from '../errors.ts';
import type { RepositoryStatus } from '../reindex/repository-queue.ts';

export interface HealthRoutesOptions {
  readonly listStatus: () => readonly RepositoryStatus[];
  /** Tries what an upload does first; gives the fault that would meet it, or undefined. */
  readonly findUploadFault: () => Promise<AppError | undefined>;
  /** Something that keeps indexes from being built, such as an engine that is not installed. */
  readonly findIndexFault: () => Promise<AppError | undefined>;
}

// Short enough for a load balancer, long enough that nobody can wear out the disk by asking.
const REMEMBER_MS = 1_000;

interface Fault {
  readonly repository?: string;
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
}

/** /healthz says that the process answers; /readyz that an upload would work now, and what else is wrong. */
export async function healthRoutes(app: FastifyInstance, options: HealthRoutesOptions): Promise<void> {
  app.get('/healthz', { config: { needs: 'nothing' } }, (_request, reply) =>
    reply.type('text/plain').send('OK\n'),
  );

  const findUploadFault = remembered(options.findUploadFault);

  // Faults name paths and repositories.
  app.get('/readyz', { config: { needs: { right: 'read', in: 'all' } } }, async (_request, reply) => {
    const uploadFault = await findUploadFault();
    if (uploadFault !== undefined) {
      return reply.code(503).send({ status: 'unavailable', faults: [toFault(uploadFault)] });
    }
    const indexFault = await options.findIndexFault();
    const faults = [
      ...(indexFault === undefined ? [] : [toFault(indexFault)]),
      ...options
        .listStatus()
        .flatMap(({ repository, lastError }) =>
          lastError === undefined ? [] : [{ repository, ...toFault(lastError) }],
        ),
    ];
    return reply.send({ status: faults.length === 0 ? 'ready' : 'degraded', faults });
  });
}

function toFault({ code, message, hint }: AppError): Fault {
  return { code, detail: message, hint };
}

/** Asking writes to the disk: whoever asks again within the time gets the same answer. */
function remembered<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (answer === undefined || performance.now() - askedAtMs > REMEMBER_MS) {
      askedAtMs = performance.now();
      answer = ask();
    }
    return answer;
  };
}
