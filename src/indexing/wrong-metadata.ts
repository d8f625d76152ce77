import { AppError } from '../errors.ts';

/** The error of new metadata that contradicts the packages or itself. Only a fault of the engine makes it. */
export function wrongMetadata(what: string): AppError {
  return new AppError('INDEX_FAILED', `the new metadata is not published: ${what}`, {
    hint: 'The former index stays and the run is tried again; report it if it lasts.',
  });
}
