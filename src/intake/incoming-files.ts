import { unlink } from 'node:fs/promises';

/** Removes files from incoming after the answer; only the end of the service waits for it. */
export interface IncomingFiles {
  readonly remove: (path: string) => void;
  /** Returns when every removal that was begun has ended. */
  readonly settled: () => Promise<void>;
}

/** @param onFailure called for a file that stays; the next start removes it. */
export function createIncomingFiles(onFailure: (path: string, error: unknown) => void): IncomingFiles {
  const removals = new Set<Promise<void>>();
  return {
    remove: (path) => {
      const removal = unlink(path)
        .catch((error: unknown) => onFailure(path, error))
        .finally(() => removals.delete(removal));
      removals.add(removal);
    },
    settled: async () => {
      await Promise.all(removals);
    },
  };
}
