import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createSharedDirectorySync, makeDirectoryDurable } from '../../base/files/durable-files.ts';
import { joinRepositoryName, type RepositoryName } from '../../rpm/repository-name.ts';
import { listPackages } from '../list-packages.ts';
import type { Repositories } from '../repositories.ts';
import { PACKAGES, type RepositoryLayout } from '../repository-layout.ts';
import { checkDirectories } from './check-directories.ts';

/** The directories of repositories below the layout's top directory. */
export function createLocalRepositories(layout: RepositoryLayout): Repositories {
  const syncDirectory = createSharedDirectorySync();
  const packagesOf = (repository: RepositoryName): string => join(layout.directoryOf(repository), PACKAGES);

  return {
    create: async (repository) => {
      checkDirectories(repository, layout);
      await makeDirectoryDurable(packagesOf(repository));
      // Another upload, or a process that was killed, may have made a name on the way and not synced it yet.
      const directory = layout.directoryOf(repository);
      for (let path = directory; path.length >= layout.topDir.length; path = dirname(path)) {
        await syncDirectory(path);
      }
    },
    check: async (repository) => checkDirectories(repository, layout),
    has: async (repository) => existsSync(packagesOf(repository)),
    list: () => listRepositories(layout.topDir),
    listPackages: (repository) => listPackages(layout.directoryOf(repository)),
  };
}

async function listRepositories(topDir: string): Promise<readonly RepositoryName[]> {
  const names: RepositoryName[] = [];
  for (const releasever of await listDirectories(topDir)) {
    for (const basearch of await listDirectories(join(topDir, releasever))) {
      const name = joinRepositoryName({ releasever, basearch });
      if (name === undefined) continue;
      const inside = await listDirectories(join(topDir, releasever, basearch));
      if (inside.includes(PACKAGES) || inside.includes('repodata')) names.push(name);
    }
  }
  return names.toSorted();
}

async function listDirectories(path: string): Promise<readonly string[]> {
  if (!existsSync(path)) return [];
  const entries = await readdir(path, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name);
}
