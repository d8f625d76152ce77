import type { Readiness, ReadinessFault } from '../../api/readiness.ts';
import { AppError } from '../../errors.ts';
import type { Fault } from '../../observe/find-faults.ts';
import type { Metrics } from '../../observe/metrics.ts';
import type { RouteHandlers } from '../routes.ts';
import { shareMetrics } from './share-metrics.ts';

export interface HealthOptions {
  readonly findFaults: () => Promise<readonly Fault[]>;
  readonly metrics: Metrics;
}

type HealthHandlers = Pick<RouteHandlers, 'tellHealth' | 'tellReadiness' | 'tellMetrics'>;

/** /healthz says that the process answers; /readyz says that an upload would work now, and which faults there are. */
export function createHealthHandlers({ findFaults, metrics }: HealthOptions): HealthHandlers {
  const readMetrics = shareMetrics(metrics);
  return {
    tellHealth: (_request, reply) => reply.type('text/plain').send('OK\n'),
    tellReadiness: async (_request, reply) => {
      const faults = await findFaults();
      const readiness: Readiness = { status: statusWith(faults), faults: faults.map(toJson) };
      return reply.code(readiness.status === 'unavailable' ? 503 : 200).send(readiness);
    },
    tellMetrics: async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await readMetrics()),
  };
}

function statusWith(faults: readonly Fault[]): Readiness['status'] {
  const affected = faults.map(({ affects }) => affects).filter((what) => what !== 'nothing');
  if (affected.length === 0) return 'ready';
  return affected.includes('uploads') ? 'unavailable' : 'degraded';
}

function toJson({ affects, repository, error }: Fault): ReadinessFault {
  const { code, hint } = error;
  return {
    affects,
    ...(repository !== undefined && { repository }),
    code,
    detail: describeFault(error),
    hint,
  };
}

/** A client that may read everything learns more than a reader of one repository: a batch goes to several. */
function describeFault({ code, message, cause }: Fault['error']): string {
  return code === 'BATCH_UNPLACED' && cause instanceof AppError ? `${message}: ${cause.message}` : message;
}
