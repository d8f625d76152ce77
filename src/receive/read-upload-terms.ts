import type { FastifyRequest } from 'fastify';
import { isBatchId } from '../batch-id.ts';
import { AppError } from '../errors.ts';
import { headerText } from '../header-text.ts';

/** What a client says of an upload beside its bytes. */
export interface UploadTerms {
  /** ?releasever=, whatever the release tag is. */
  readonly releasever: string | undefined;
  /** ?batch= or X-Batch: the package waits for the commit of this batch. */
  readonly batch: string | undefined;
}

export interface UploadQuery {
  readonly wait?: string;
  readonly releasever?: string;
  readonly batch?: string;
}

/** @throws AppError PARAMETER_INVALID. */
export function readUploadTerms(request: FastifyRequest<{ Querystring: UploadQuery }>): UploadTerms {
  const { releasever, wait } = request.query;
  const batch = readBatchName(request);
  if (batch === undefined) return { releasever, batch };
  if (!isBatchId(batch)) throw noBatchId();
  if (wait !== undefined) refuseWait(batch);
  return { releasever, batch };
}

/** In the URL it is signed with a signed request; the header is for clients that sign nothing. */
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
