import { basename } from 'node:path';
import { locateExecutable } from '../base/files/locate-executable.ts';

/**
 * The createrepo to run: the configured one; where only createrepo_c is installed, that one for a configured
 * createrepo (its command line is the same). Undefined when there is neither.
 */
export async function findCreaterepo(configured: string, searchPath: string): Promise<string | undefined> {
  const own = await locateExecutable(configured, searchPath);
  if (own !== undefined || basename(configured) !== 'createrepo') return own;
  return locateExecutable('createrepo_c', searchPath);
}
