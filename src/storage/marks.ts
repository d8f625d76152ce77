import { access, constants, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../base/files/if-there.ts';
import { makeDirectoryDurable, syncDirectory } from '../base/files/durable-files.ts';
import { namesIn } from '../base/files/names-in.ts';
import {
  parseRepositoryName,
  toRepositoryFileName,
  parseRepositoryFileName,
  type RepositoryName,
} from '../rpm/repository-name.ts';

/** The durable notes that a repository needs reindexing: `state/marks/<releasever>@<basearch>`. */
export interface Marks {
  /** Returns when the mark is on the disk. */
  set(repository: RepositoryName): Promise<void>;
  /** A mark that comes back after a power cut only costs a run, so its removal is not synced. */
  clear(repository: RepositoryName): Promise<void>;
  /** @throws the error of the file system when no mark could be set now. */
  check(): Promise<void>;
  /** Every marked repository, from before the start too. */
  list(): Promise<readonly RepositoryName[]>;
}

export async function openMarks(marksDir: string): Promise<Marks> {
  await makeDirectoryDurable(marksDir);
  const pathOf = (repository: RepositoryName): string => join(marksDir, toRepositoryFileName(repository));

  return {
    set: async (repository) => {
      // Again, because the directory may have been removed.
      await makeDirectoryDurable(marksDir);
      const file = await open(pathOf(repository), 'w');
      await file.close();
      await syncDirectory(marksDir);
    },
    clear: async (repository) => {
      await ifThere(unlink(pathOf(repository)));
    },
    check: async () => {
      await makeDirectoryDurable(marksDir);
      await access(`${marksDir}/.`, constants.W_OK | constants.X_OK);
    },
    // A file of another name was put there by hand.
    list: async () => (await readMarks(marksDir)).flatMap((name) => parseRepositoryName(name) ?? []),
  };
}

/** The repositories that need reindexing, without the right to set one; a name that is no repository's stays as it is. */
export async function readMarks(marksDir: string): Promise<readonly string[]> {
  return (await namesIn(marksDir)).map((name) => parseRepositoryFileName(name) ?? name).toSorted();
}
