import type { FastifyReply } from 'fastify';
import { AppError } from '../errors.ts';

// nginx's proxy_read_timeout (75 s) must lie above it, or nginx would answer first.
export const MAX_WAIT_SECONDS = 50;

/** ?wait=SECONDS in milliseconds; undefined when it was not given. @throws AppError PARAMETER_INVALID. */
export function parseWaitMs(wait: string | undefined): number | undefined {
  if (wait === undefined) return undefined;
  const seconds = /^\d{1,3}$/.test(wait) ? Number(wait) : Number.NaN;
  if (seconds <= MAX_WAIT_SECONDS) return seconds * 1000;
  throw new AppError('PARAMETER_INVALID', `wait must be a whole number from 0 to ${MAX_WAIT_SECONDS}`, {
    hint: `Use ?wait=${MAX_WAIT_SECONDS} and ask the URL in the Location header again after a 202.`,
  });
}

/** The rest of a wait: nginx and Node count from the last byte of the service, not from when the upload was placed. */
export function remainingMs(waitMs: number, reply: FastifyReply): number {
  return Math.max(0, waitMs - reply.elapsedTime);
}
