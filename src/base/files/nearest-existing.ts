import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError, errnoOf } from '../../errors.ts';

/**
 * The path itself, or the nearest directory above it that is there.
 * @throws AppError TREE_UNUSABLE where this user may not look.
 */
export function nearestExisting(path: string): string {
  return isThere(path) ? path : nearestExisting(dirname(path));
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    throw closedTo(path, cause);
  }
}

/** The errors for a path that this user may not examine. */
export function closedTo(path: string, cause: unknown): AppError {
  const reason = errnoOf(cause);
  if (reason === undefined) throw cause;
  return new AppError('TREE_UNUSABLE', `${path} cannot be looked at (${reason})`, {
    hint: 'Run the command as root or as the user of the service: runuser -u <user> -- rpmyard ...',
    cause,
  });
}
