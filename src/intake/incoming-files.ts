import { unlink } from 'node:fs/promises';

/** Removes files from incoming after the answer, without anybody waiting for it but the end of the service. */
export interface IncomingFiles {
  readonly remove: (path: string) => void;
  /** Answers when every removal that was begun has ended. */
  readonly settled: () => Promise<void>;
}

/** @param onFailure is told of a file that stays; the next start removes it. */
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
