import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { ifThere } from '../../base/files/if-there.ts';

/** Facts of the file with this name, or of a link itself (links are not served); undefined when there is none. */
export async function entryStats(path: string): Promise<Stats | undefined> {
  return ifThere(lstat(path));
}
