import type { BatchFolders } from '../../src/storage/local/batch-folders.ts';
import { openLocalStorage } from '../../src/storage/local/open-local-storage.ts';
import { createPackageFiles } from '../../src/storage/local/package-files.ts';
import type { Target } from '../../src/storage/repository-layout.ts';
import type { Storage, StorageOptions } from '../../src/storage/storage.ts';

/** What a test does around the steps of the local storage. */
export interface StorageHooks {
  readonly beforePrepare?: () => Promise<void> | void;
  readonly beforeAdd?: (target: Target) => Promise<void> | void;
  readonly afterAdd?: () => void;
  /** Of a file that was there already. */
  readonly onSync?: (target: Target) => void;
  readonly openFolders?: (batchesDir: string) => Promise<BatchFolders>;
}

/** Opens the local storage, as openTree() is told to, with something done around each name that a package gets. */
export function openStorageAround({
  beforePrepare,
  beforeAdd,
  afterAdd,
  onSync,
  openFolders,
}: StorageHooks): (options: StorageOptions) => Promise<Storage> {
  return async (options) => {
    const files = createPackageFiles(options.layout);
    const folders = await openFolders?.(options.state.batchesDir);
    return openLocalStorage(options, {
      ...(folders !== undefined && { folders }),
      files: {
        ...files,
        prepare: async (path) => {
          await beforePrepare?.();
          await files.prepare(path);
        },
        sync: async (target) => {
          onSync?.(target);
          await files.sync(target);
        },
        add: async (path, target) => {
          await beforeAdd?.(target);
          const step = await files.add(path, target);
          afterAdd?.();
          return step;
        },
      },
    });
  };
}
