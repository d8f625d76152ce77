import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The path itself, or the nearest directory above it that is there. */
export function nearestExisting(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) === undefined ? nearestExisting(dirname(path)) : path;
}
