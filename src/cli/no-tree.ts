import { AppError } from '../errors.ts';

/** Of a command that has nothing to work on, most often for the lack of -c. */
export function noTree(topDir: string): AppError {
  return new AppError('NOT_FOUND', `there is no tree at ${topDir}`, {
    hint: 'Name the configuration file with -c, or go to the directory that the service runs in.',
  });
}
