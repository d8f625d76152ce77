import type { FastifyRequest } from 'fastify';
import { AppError } from '../errors.ts';
import { headerText } from '../header-text.ts';

/** What a client says of an upload beside its bytes. */
export interface UploadTerms {
  /** ?releasever=, whatever the release tag is. */
  readonly releasever: string | undefined;
  /** X-Batch: the package waits for the commit of this batch. */
  readonly batch: string | undefined;
}

export interface UploadQuery {
  readonly wait?: string;
  readonly releasever?: string;
}

/** Names a directory too; long enough for the tag of a build job. */
const BATCH_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** @throws AppError PARAMETER_INVALID. */
export function readUploadTerms(request: FastifyRequest<{ Querystring: UploadQuery }>): UploadTerms {
  const { releasever, wait } = request.query;
  const batch = headerText(request.headers['x-batch']);
  if (batch === undefined) return { releasever, batch };
  checkBatchId(batch);
  if (wait !== undefined) refuseWait(batch);
  return { releasever, batch };
}

/** @throws AppError PARAMETER_INVALID. */
export function refuseWait(batch: string): never {
  throw new AppError('PARAMETER_INVALID', 'a member of a batch cannot be waited for', {
    hint: `Put ?wait= on the commit: POST /api/v1/batches/${batch}/commit?wait=50.`,
  });
}

/** @throws AppError PARAMETER_INVALID. */
export function checkBatchId(id: string): void {
  if (BATCH_ID.test(id)) return;
  throw new AppError('PARAMETER_INVALID', 'this is no name of a batch', {
    hint: 'Use up to 100 letters, digits, dots, dashes and underscores, the first a letter or digit.',
  });
}
