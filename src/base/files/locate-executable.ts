import { access, constants } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

/** Where a program is: as execvp finds it, by its path or in the folders of a search path. Undefined when nowhere. */
export async function locateExecutable(name: string, searchPath: string): Promise<string | undefined> {
  const candidates = isAbsolute(name) ? [name] : searchPath.split(':').map((folder) => join(folder, name));
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
