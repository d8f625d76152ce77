import type { RepositoryName } from '../rpm/repository-name.ts';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { PlannedPackage } from '../intake/plan-adoption.ts';
import {
  type FormerPublications,
  pickLatest,
  readFormerPublications,
} from '../storage/former-publications.ts';

/**
 * The ages in the indexes that described packages in the adopted directory: a host that knows such an index refuses an
 * older one at the same URL.
 * @param root of the paths.
 */
export async function findAdoptedAges(
  root: string,
  packages: readonly PlannedPackage[],
): Promise<ReadonlyMap<RepositoryName, FormerPublications>> {
  const directories = new Map<RepositoryName, Set<string>>();
  const indexedAbove = rememberIndexed(root);
  for (const { repositories, sources } of packages) {
    const found = sources.map(({ path }) => indexedAbove(dirname(path)));
    for (const repository of repositories) {
      const known = directories.get(repository) ?? new Set();
      for (const directory of found) if (directory !== undefined) known.add(directory);
      directories.set(repository, known);
    }
  }
  const ages = new Map<RepositoryName, FormerPublications>();
  for (const [repository, indexed] of directories) {
    for (const directory of indexed) {
      const age = await readFormerPublications(join(root, directory));
      ages.set(repository, pickLatest(ages.get(repository), age));
    }
  }
  return ages;
}

/** Finds the nearest directory with an index, this one or one above it; looks at each once. */
function rememberIndexed(root: string): (directory: string) => string | undefined {
  const known = new Map<string, string | undefined>();
  return indexedAbove;

  function indexedAbove(directory: string): string | undefined {
    if (known.has(directory)) return known.get(directory);
    const isIndexed = existsSync(join(root, directory, 'repodata/repomd.xml'));
    const above = directory === '.' ? undefined : dirname(directory);
    const found = isIndexed ? directory : above && indexedAbove(above);
    known.set(directory, found);
    return found;
  }
}
