import { chmodSync, linkSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { createSharedDirectorySync, syncFile } from '../../base/files/durable-files.ts';
import { digestOfFile } from '../../base/files/file-digest.ts';
import { directoryStamp } from '../../base/files/file-identity.ts';
import { errnoOf } from '../../errors.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';
import type { DirectoryStep } from '../package-names.ts';
import type { RepositoryLayout, Target } from '../repository-layout.ts';
import { checkDirectories } from './check-directories.ts';

/** The files of packages on disk. */
export interface PackageFiles {
  /** Absolute. */
  readonly pathOf: (target: Target) => string;
  /** See checkDirectories(). @throws AppError STORAGE_FAILED. */
  readonly checkDirectories: (repository: RepositoryName) => void;
  /** Gives a new file the mode of a package and makes its bytes durable; it then may be added. */
  readonly prepare: (path: string) => Promise<void>;
  /** Gives a prepared file a second name; undefined when the name is taken, whose bytes then stay. */
  readonly add: (path: string, target: Target) => Promise<DirectoryStep | undefined>;
  /** Puts a prepared file in the place of another one, in one step; the name is not durable yet. */
  readonly replace: (path: string, target: Target) => Promise<DirectoryStep>;
  /** Makes the name of an added file durable. Concurrent calls for one directory share an fsync. */
  readonly syncName: (target: Target) => Promise<void>;
  /** Makes a file that was there already durable, bytes and name. */
  readonly sync: (target: Target) => Promise<void>;
  /** Of the whole file, lower-case hex. */
  readonly sha256Of: (target: Target) => Promise<string>;
}

// The bodies that nginx spools are 0600; what serves the tree must be able to read it.
const PACKAGE_MODE = 0o644;

/** The files of packages in the directories of a layout. */
export function createPackageFiles(
  layout: Pick<RepositoryLayout, 'topDir' | 'directoryOf' | 'pathOf'>,
): PackageFiles {
  const { pathOf } = layout;
  const syncDirectory = createSharedDirectorySync();

  return {
    pathOf,
    checkDirectories: (repository) => checkDirectories(repository, layout),
    prepare: async (path) => {
      chmodSync(path, PACKAGE_MODE);
      await syncFile(path);
    },
    add: async (path, target) => linkUnlessTaken(path, pathOf(target)),
    replace: async (path, target) => putInPlace(path, pathOf(target)),
    syncName: (target) => syncDirectory(dirname(pathOf(target))),
    sync: async (target) => {
      const placed = pathOf(target);
      await syncFile(placed);
      await syncDirectory(dirname(placed));
    },
    sha256Of: (target) => digestOfFile(pathOf(target)),
  };
}

function linkUnlessTaken(path: string, target: string): DirectoryStep | undefined {
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

function putInPlace(path: string, target: string): DirectoryStep {
  // Beside the file, where a kill leaves it to be swept.
  const copy = `${path}.mend`;
  rmSync(copy, { force: true });
  linkSync(path, copy);
  const before = directoryStamp(dirname(target));
  renameSync(copy, target);
  return { before, after: directoryStamp(dirname(target)), isNewName: false };
}
