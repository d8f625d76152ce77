import { readdir } from 'node:fs/promises';

/** The names in a directory that may be served: those without a leading dot. */
export async function visibleIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory)).filter((name) => !name.startsWith('.'));
}
