import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { ifThere } from '../../base/files/if-there.ts';

/** Facts of what has this name, not of what a link leads to (links are not served); undefined when nothing has it. */
export async function entryStats(path: string): Promise<Stats | undefined> {
  return ifThere(lstat(path));
}
