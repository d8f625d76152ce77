import { AppError } from '../../errors.ts';

/** A package of a batch that cannot go into the tree. */
export interface Refused {
  readonly nevra: string;
  readonly sha256: string;
  readonly error: AppError;
}

const MAX_NAMED = 20;

/** One answer for all. @throws AppError of a fault of the service: it may be gone the next time. */
export function refuseBatch(refused: readonly Refused[], count: number): AppError {
  const fault = refused.find(({ error }) => error.statusCode >= 500);
  if (fault !== undefined) throw fault.error;
  const named = refused.slice(0, MAX_NAMED).map(({ error }) => error.message);
  const more = refused.length > named.length ? `; and ${refused.length - named.length} more` : '';
  return new AppError(
    'BATCH_REFUSED',
    `${refused.length} of ${count} packages cannot be placed, so none is: ${named.join('; ')}${more}`,
    {
      hint: 'Correct these packages, under a higher release where they are in conflict, and send all in a new batch.',
      details: {
        refused: refused.map(({ nevra, sha256, error }) => ({
          nevra,
          sha256,
          code: error.code,
          detail: error.message,
        })),
      },
    },
  );
}

/** What was committed takes no further package, and cannot be dropped. */
export function batchCommitted(id: string): AppError {
  return new AppError('BATCH_COMMITTED', `the batch ${id} was committed`, {
    hint: 'Take another name for the next batch.',
  });
}
