import type { FastifyBaseLogger } from 'fastify';
import type { AppError, ErrorCode } from '../errors.ts';
import { createLineBudgets } from '../base/limits/line-budget.ts';

/** Logs an error under a request's id, with more facts of it. */
export type ErrorLog = (
  log: Pick<FastifyBaseLogger, 'info' | 'error'>,
  error: AppError,
  facts?: Readonly<Record<string, unknown>>,
) => void;

// Any client can be refused thousands of times a second. A line has less than 2 KB: at most 60 MB a day.
const REFUSALS = { burst: 500, perMinute: 20 };
// A fault that one client meets, all clients meet. A line has less than 16 KB, mostly 2: at most 140 MB a day for each
// code. Each code has a budget of its own, so that a full disk does not hide other faults.
const FAULTS = { burst: 100, perMinute: 6 };

/**
 * A refusal is a line of level info; a fault of the service has level error and its cause. Both are bounded; `notLogged` says how
 * many were left out before a line.
 */
export function createErrorLog(now: () => number): ErrorLog {
  const refusals = createLineBudgets<'all'>(REFUSALS, 'notLogged', now);
  const faults = createLineBudgets<ErrorCode>(FAULTS, 'notLogged', now);

  return (log, error, facts = {}) => {
    const { code, message } = error;
    const isFault = error.statusCode >= 500;
    const leftOut = isFault ? faults.take(code) : refusals.take('all');
    if (leftOut === undefined) return;
    const line = { ...facts, code, ...leftOut };
    if (isFault) log.error({ ...line, err: error }, message);
    else log.info(line, message);
  };
}
