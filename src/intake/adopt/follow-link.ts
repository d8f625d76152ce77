import { lstatSync, realpathSync } from 'node:fs';
import { errnoOf } from '../../errors.ts';

const ROOT_UID = 0;

/**
 * The regular file that a symbolic link leads to; undefined for a link to anything else, or when its owner could use it
 * to make this user read files that the owner may not read.
 */
export function followLink(path: string, uid = process.geteuid?.() ?? -1): string | undefined {
  const owner = lstatSync(path, { throwIfNoEntry: false })?.uid;
  if (owner !== ROOT_UID && owner !== uid) return undefined;
  try {
    const real = realpathSync(path);
    return lstatSync(real, { throwIfNoEntry: false })?.isFile() === true ? real : undefined;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
