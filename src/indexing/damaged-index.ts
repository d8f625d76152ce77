import { AppError } from '../errors.ts';

/** The error of a published index that is not as the engine wrote it; the run that meets it begins anew. */
export function damagedIndex(detail: string): AppError {
  return new AppError('INDEX_DAMAGED', detail, {
    hint: 'Every package is described again; look at the disk.',
  });
}
