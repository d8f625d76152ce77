import { readdir } from 'node:fs/promises';
import { ifThere } from './if-there.ts';

/** The names in a directory; none when there is no such directory. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  return (await ifThere(readdir(directory))) ?? [];
}
