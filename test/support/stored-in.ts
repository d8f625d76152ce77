import { readdir } from 'node:fs/promises';

/** Names with a leading dot, indexes, and the .repo files that come with them. */
const OF_INDEXES = /(?:^|\/)(?:\..*|repodata(?:\/.*)?|[^/]+\.repo)$/;

/** The directories and packages of a tree at any depth, which no index run changes. */
export async function storedIn(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory, { recursive: true });
  return names.filter((name) => !OF_INDEXES.test(name)).toSorted();
}
