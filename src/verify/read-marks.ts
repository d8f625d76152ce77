import { readdir } from 'node:fs/promises';
import { errnoOf } from '../errors.ts';

/** The repositories that need reindexing, as `<state_dir>/marks` says (`<releasever>@<basearch>`). */
export async function readMarks(marksDir: string): Promise<readonly string[]> {
  try {
    return (await readdir(marksDir)).map((name) => name.replace('@', '/')).toSorted();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
