import type { Storage, StorageOptions } from '../storage.ts';
import { BatchFolders } from './batch-folders.ts';
import { LocalPublications } from './local-publications.ts';
import { LocalPlaces } from './local-places.ts';
import { createLocalRepositories } from './local-repositories.ts';
import { createPackageFiles, type PackageFiles } from './package-files.ts';
import { placeDecidedIn } from './place-decided.ts';
import { SqliteRecords } from './sqlite-records.ts';

/**
 * Directories below the top directory and the state directory, and SQLite.
 * @param given parts that stand for those that are made otherwise: a test puts something in their way.
 * @throws AppError TREE_UNUSABLE.
 */
export async function openLocalStorage(
  { layout, state, takeTurns, notePlaced, now, log }: StorageOptions,
  given: { readonly files?: PackageFiles; readonly folders?: BatchFolders } = {},
): Promise<Storage> {
  const files = given.files ?? createPackageFiles(layout);
  const folders = given.folders ?? (await BatchFolders.open(state.batchesDir));
  const records = new SqliteRecords(state.stateDir);
  const parts = { files, folders, records, notePlaced, now };

  return {
    records,
    repositories: createLocalRepositories(layout),
    publications: new LocalPublications({
      layout,
      scratchRoot: state.scratchRoot,
      records,
      now,
      onLeftover: (scratchDir, error) =>
        log.warn({ scratchDir, err: error }, 'scratch directory not removed; the next start does it'),
    }),
    batches: folders,
    placeDecided: (repository) => placeDecidedIn(repository, { ...parts, takeTurns }),
    openPlaces: (options) => new LocalPlaces(parts, options),
    close: () => records.close(),
  };
}
