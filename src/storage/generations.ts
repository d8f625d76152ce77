import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { namesIn } from '../base/files/names-in.ts';
import { readIfThere } from '../base/files/read-if-there.ts';
import { generationName, generationNumber, MIRRORLIST } from '../rpm/repodata-names.ts';
import { parseRepomd } from '../rpm/repodata/repomd.ts';

// Every publication stays under a URL of its own, `<repository>/@<number>/`, for as long as its files stay. On disk it
// is `repodata/@<number>/` with repomd.xml and its signature: never a link, which createrepo_c would follow.

/** The numbers of the generations on disk, in ascending order. */
export async function listGenerations(repositoryDir: string): Promise<readonly number[]> {
  const numbers = (await namesIn(join(repositoryDir, 'repodata'))).map(generationNumber);
  return numbers.filter((number) => number !== undefined).toSorted((a, b) => a - b);
}

/**
 * The number of the next generation, which is also the second that its files are dated with: the first whole second that is
 * not over, or one more than any there was. So it never comes again, not when the clock is set back, and not when the tree is
 * an older one from a backup; and a client that remembers when it read the former one has an earlier second.
 * @param lastSecond see FormerPublications.
 */
export function nextGeneration(lastSecond: number, nowMs: number): number {
  return Math.max(Math.floor(nowMs / 1000), lastSecond) + 1;
}

/**
 * What clients read under `mirrorlist=`: the generation's URL, whose repomd.xml and signature are always a pair; the
 * plain one is asked when that fails.
 * @param url of the repository, with a slash at its end.
 */
export function renderMirrorlist(url: string, generation: number): string {
  return `${url}${generationName(generation)}/\n${url}\n`;
}

/** The generation that the mirrorlist names; undefined when there is none. */
export async function readMirrorlistGeneration(repositoryDir: string): Promise<number | undefined> {
  const text = await readIfThere(join(repositoryDir, MIRRORLIST));
  const name = /\/(?<name>@[0-9]+)\/$/m.exec(text ?? '')?.groups?.['name'];
  return name === undefined ? undefined : generationNumber(name);
}

/** Names of the metadata files in `repodata/` that a generation leads clients to; undefined when it cannot be read. */
export async function filesOfGeneration(
  repositoryDir: string,
  generation: number,
): Promise<readonly string[] | undefined> {
  const path = join(repositoryDir, 'repodata', generationName(generation), 'repomd.xml');
  try {
    return parseRepomd(await readFile(path, 'utf8')).data.map(({ href }) => basename(href));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || errno === 'ENOENT') return undefined;
    throw error;
  }
}
