import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere } from '../base/files/read-if-there.ts';
import { errnoOf } from '../errors.ts';
import { parseRepomd, type Repomd } from '../rpm/repodata/repomd.ts';

// The largest have a few hundred entries.
const MAX_REPOMD_BYTES = 16 * 1024 * 1024;

/** The repomd.xml in a directory and its text; undefined when there is none. @throws Error when it is too large or none. */
export async function readRepomd(
  repositoryDir: string,
): Promise<{ readonly repomd: Repomd; readonly xml: string } | undefined> {
  const path = join(repositoryDir, 'repodata', 'repomd.xml');
  const sizeBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (sizeBytes > MAX_REPOMD_BYTES) throw new Error(`repomd.xml has more than ${MAX_REPOMD_BYTES} bytes`);
  const xml = await readIfThere(path);
  return xml === undefined ? undefined : { repomd: parseRepomd(xml), xml };
}

/** Undefined also for a damaged one: a file system error, an edit by hand. The next run replaces it. */
export async function readSoundRepomd(repositoryDir: string): Promise<Repomd | undefined> {
  try {
    return (await readRepomd(repositoryDir))?.repomd;
  } catch (error) {
    if (errnoOf(error) === undefined) return undefined;
    throw error;
  }
}
