import { basename } from 'node:path';
import type { Repomd } from '../rpm/repodata/repomd.ts';
import { filesOfGeneration, listGenerations } from '../storage/generations.ts';
import { readRepomd } from '../storage/read-repomd.ts';

/**
 * Whether this service published the index in a repository, or there is none: one of its generations names the same
 * primary, even if another program has added to repomd.xml since. An index that cannot be read is none to a host.
 */
export async function isOwnIndex(repositoryDir: string): Promise<boolean> {
  const repomd = await readRepomdIn(repositoryDir);
  const primary = repomd?.data.find(({ type }) => type === 'primary');
  if (primary === undefined) return true;
  const name = basename(primary.href);
  for (const generation of (await listGenerations(repositoryDir)).toReversed()) {
    const names = await filesOfGeneration(repositoryDir, generation);
    if (names?.includes(name) === true) return true;
  }
  return false;
}

async function readRepomdIn(repositoryDir: string): Promise<Repomd | undefined> {
  try {
    return (await readRepomd(repositoryDir))?.repomd;
  } catch {
    return undefined;
  }
}
