import { readFile } from 'node:fs/promises';
import { ifThere } from './if-there.ts';

/** The text of a file; undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  return ifThere(readFile(path, 'utf8'));
}
