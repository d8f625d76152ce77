import { basename } from 'node:path';
import { parseNevra } from '../rpm/nevra.ts';
import { replaceBasearch, type RepositoryName, splitRepositoryName } from '../rpm/repository-name.ts';
import type { Config } from '../base/config/load.ts';
import { findBasearch } from '../storage/arch-table.ts';
import { openRepositories } from '../storage/open-storage.ts';
import { createRepositoryLayout } from '../storage/repository-layout.ts';

/** Packages that an upload of today would link into a second repository, too. */
export interface Unlinked {
  readonly into: RepositoryName;
  readonly count: number;
}

/**
 * Counts the packages of a repository that came before `layout.multilib` gave them a second place. It goes by their
 * file names, which are those of their headers where this service placed them.
 */
export async function findUnlinked(
  repository: RepositoryName,
  { topDir, layout }: Pick<Config, 'topDir' | 'layout'>,
): Promise<readonly Unlinked[]> {
  const { basearch } = splitRepositoryName(repository);
  const others = (layout.multilib.get(basearch) ?? []).filter((other) => other !== basearch);
  if (others.length === 0) return [];
  const repositories = openRepositories(createRepositoryLayout({ topDir, ...layout }));
  const own = (await repositories.listPackages(repository)).filter((location) =>
    hasBasearch(basearch, location),
  );
  const found: Unlinked[] = [];
  for (const other of others) {
    const into = replaceBasearch(repository, other);
    if (into === undefined) continue;
    const there = new Set((await repositories.has(into)) ? await repositories.listPackages(into) : []);
    const count = own.filter((location) => !there.has(location)).length;
    if (count > 0) found.push({ into, count });
  }
  return found;
}

/** `Packages/a-1-1.el9.i686.rpm` is of i386. */
function hasBasearch(basearch: string, location: string): boolean {
  const arch = parseNevra(basename(location, '.rpm'))?.arch ?? '';
  return findBasearch(arch) === basearch;
}
