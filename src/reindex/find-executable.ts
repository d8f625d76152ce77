import { access, constants } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';

/**
 * The createrepo to run: the configured one; where only createrepo_c is installed, that one for a configured
 * createrepo (its command line is the same). Undefined when there is neither.
 */
export async function findExecutable(configured: string, searchPath: string): Promise<string | undefined> {
  const own = await locate(configured, searchPath);
  if (own !== undefined || basename(configured) !== 'createrepo') return own;
  return locate('createrepo_c', searchPath);
}

async function locate(executable: string, searchPath: string): Promise<string | undefined> {
  const candidates = isAbsolute(executable)
    ? [executable]
    : searchPath.split(':').map((folder) => join(folder, executable));
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
