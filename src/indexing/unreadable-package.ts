import { AppError } from '../errors.ts';

/** The error of a package that cannot be read now: no reason to leave it out for ever. */
export function unreadablePackage(location: string, errno: string | undefined, cause: unknown): AppError {
  return new AppError('INDEX_FAILED', `${location} cannot be read (${errno ?? 'no reason given'})`, {
    hint: 'The former index stays and the run is tried again; look at the rights of the file and at the disk.',
    cause,
  });
}
