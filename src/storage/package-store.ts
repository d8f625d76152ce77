import { chmodSync, existsSync, linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { createSharedDirectorySync, makeDirectoryDurable, syncFile } from '../base/files/durable-files.ts';
import { AppError, errnoOf } from '../errors.ts';
import { digestOfFile } from '../base/files/file-digest.ts';
import { joinRepositoryName, type RepositoryName } from '../rpm/repository-name.ts';
import { directoryStamp } from '../base/files/file-identity.ts';
import { listPackages } from './list-packages.ts';
import type { DirectoryStep } from './package-names.ts';
import { PACKAGES, repositoryDirectories, type RepositoryLayout } from './repository-layout.ts';

/** The packages on disk. */
export interface PackageStore {
  /** Creates the repository's directories, durably. @throws AppError as checkDirectories() does. */
  createRepository(repository: RepositoryName): Promise<void>;
  /**
   * Makes sure that no directory of a repository is a symbolic link; one that is not there is none.
   * @throws AppError STORAGE_FAILED that names it.
   */
  checkDirectories(repository: RepositoryName): void;
  /** True when the repository's directory for packages is there. */
  hasRepository(repository: RepositoryName): boolean;
  /** Every directory with packages or metadata in it that could be a repository of ours, in order of name. */
  listRepositories(): Promise<readonly RepositoryName[]>;
  /** The location of every package of the repository, see listPackages(). */
  listPackages(repository: RepositoryName): Promise<readonly string[]>;
  /** Gives a new file the mode of a package and makes its bytes durable; it then may be added. */
  prepare(path: string): Promise<void>;
  /** Gives a prepared file a second name; undefined when the name is taken, whose bytes then stay. */
  add(path: string, target: string): Promise<DirectoryStep | undefined>;
  /** Puts a prepared file in the place of another one, in one step; the name is not durable yet. */
  replace(path: string, target: string): Promise<DirectoryStep>;
  /** Makes the name of an added file durable. Concurrent calls for one directory share an fsync. */
  syncName(target: string): Promise<void>;
  /** Of the whole file, lower-case hex. */
  sha256Of(path: string): Promise<string>;
  /** Makes a file that was there already durable, bytes and name. */
  sync(target: string): Promise<void>;
}

// The bodies that nginx spools are 0600; whoever serves the tree must be able to read it.
const PACKAGE_MODE = 0o644;

/** The packages in directories below the layout's top directory. */
export function createPackageStore(layout: RepositoryLayout): PackageStore {
  const syncDirectory = createSharedDirectorySync();

  return {
    createRepository: async (repository) => {
      const directory = layout.directoryOf(repository);
      checkDirectories(repository, layout);
      await makeDirectoryDurable(join(directory, PACKAGES));
      // Another upload, or a process that was killed, may have made a name on the way and not synced it yet.
      for (let path = directory; path.length >= layout.topDir.length; path = dirname(path)) {
        await syncDirectory(path);
      }
    },
    checkDirectories: (repository) => checkDirectories(repository, layout),
    hasRepository: (repository) => existsSync(join(layout.directoryOf(repository), PACKAGES)),
    listRepositories: () => listRepositories(layout.topDir),
    listPackages: (repository) => listPackages(layout.directoryOf(repository)),
    prepare: async (path) => {
      chmodSync(path, PACKAGE_MODE);
      await syncFile(path);
    },
    add: linkUnlessTaken,
    replace: async (path, target) => {
      // Beside the file, where a kill leaves it to be swept.
      const copy = `${path}.mend`;
      rmSync(copy, { force: true });
      linkSync(path, copy);
      const before = directoryStamp(dirname(target));
      renameSync(copy, target);
      return { before, after: directoryStamp(dirname(target)), isNewName: false };
    },
    syncName: (target) => syncDirectory(dirname(target)),
    sha256Of: (path) => digestOfFile(path),
    sync: async (target) => {
      await syncFile(target);
      await syncDirectory(dirname(target));
    },
  };
}

async function linkUnlessTaken(path: string, target: string): Promise<DirectoryStep | undefined> {
  const directory = dirname(target);
  // Nothing of this process comes between the two stamps.
  const before = directoryStamp(directory);
  try {
    linkSync(path, target);
    return { before, after: directoryStamp(directory), isNewName: true };
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return undefined;
    throw error;
  }
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

/** Behind a link a package would be acknowledged but neither indexed nor served. */
function checkDirectories(repository: RepositoryName, layout: RepositoryLayout): void {
  for (const path of repositoryDirectories(layout.directoryOf(repository))) {
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    if (isLink) throw linked(relative(layout.topDir, path));
  }
}

function linked(name: string): AppError {
  return new AppError('STORAGE_FAILED', `${name} in the tree is a symbolic link, which hosts do not see`, {
    hint: 'On the server, replace the link by a directory, or mount the other one there.',
  });
}
