import type { FastifyRequest } from 'fastify';
import { isBatchId } from '../../api/batch-id.ts';
import { AppError } from '../../errors.ts';
import { headerText } from '../../base/text/header-text.ts';
import type { UploadTerms } from '../../intake/spooled-upload.ts';

export interface UploadQuery {
  readonly wait?: string;
  readonly releasever?: string;
  readonly batch?: string;
}

/**
 * @param fields what a form says with its fields `releasever`.
 * @throws AppError PARAMETER_INVALID.
 */
export function readUploadTerms(
  request: FastifyRequest<{ Querystring: UploadQuery }>,
  fields: readonly string[] = [],
): UploadTerms {
  const { wait } = request.query;
  const releasever = onlyReleasever([request.query.releasever, ...fields]);
  const batch = readBatchName(request);
  if (batch === undefined) return { releasever, batch };
  if (!isBatchId(batch)) throw noBatchId();
  if (wait !== undefined) refuseWait(batch);
  return { releasever, batch };
}

/** Each holds for every file of a form, so there can only be one. */
function onlyReleasever(given: readonly (string | undefined)[]): string | undefined {
  const [first, ...others] = new Set(given.filter((one) => one !== undefined));
  if (others.length === 0) return first;
  throw new AppError('PARAMETER_INVALID', 'the form, or the form and its URL, name the releasever twice', {
    hint: 'Name it once, for all files of the form; several in one are put into each: releasever=9,8.',
  });
}

/** A signed request signs its URL; the header is for clients that sign nothing. */
function readBatchName({ query, headers }: FastifyRequest<{ Querystring: UploadQuery }>): string | undefined {
  const inHeader = headerText(headers['x-batch']);
  if (query.batch === undefined || inHeader === undefined) return query.batch ?? inHeader;
  if (query.batch === inHeader) return inHeader;
  throw new AppError('PARAMETER_INVALID', '?batch= and X-Batch name two batches', {
    hint: 'Name the batch once, in the URL.',
  });
}

/** @throws AppError PARAMETER_INVALID. */
export function refuseWait(batch: string): never {
  throw new AppError('PARAMETER_INVALID', 'a member of a batch cannot be waited for', {
    hint: `Put ?wait= on the commit: POST /api/v1/batches/${batch}/commit?wait=50.`,
  });
}

function noBatchId(): AppError {
  return new AppError('PARAMETER_INVALID', '?batch= or X-Batch is not a valid batch name', {
    hint: 'Use up to 100 letters, digits, dots, dashes and underscores, the first a letter or digit.',
  });
}
