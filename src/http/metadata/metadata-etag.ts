import type { FastifyRequest } from 'fastify';
import type { Condition } from '../../indexing/repository-commands.ts';
import { demandPreconditions, isConditional, readPreconditions } from './preconditions.ts';

/** The entity tag of metadata: the sha256 of its uncompressed content. */
export function toEtag(openSha256: string): string {
  return `"${openSha256}"`;
}

/**
 * The condition of a change on the version that is there; undefined without one.
 * @throws AppError PARAMETER_INVALID.
 */
export function toCondition({ headers }: FastifyRequest): Condition | undefined {
  const preconditions = readPreconditions(headers);
  if (!isConditional(preconditions)) return undefined;
  return (openSha256) =>
    demandPreconditions(preconditions, openSha256 === undefined ? undefined : toEtag(openSha256));
}
