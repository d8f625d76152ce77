import { AppError } from '../errors.ts';
import { readFreeBytes } from '../base/files/free-bytes.ts';
import { sizeText } from '../base/text/size-text.ts';
import type { RepositoryStatus } from './repository-schedule.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

export interface IndexReserveOptions {
  readonly topDir: string;
  readonly listStatus: () => readonly RepositoryStatus[];
  /** Bytes that the service may still write there; undefined when the file system does not say. */
  readonly freeBytes?: (path: string) => number | undefined;
}

// A run writes new metadata beside the public one, and up to as much again of pieces that it is made of.
const INDEX_FACTOR = 2;
// Marks, receipts (8 MiB of log for some thousands), the engine's state, and the first index of a repository.
const FLOOR_BYTES = 16 * 1024 * 1024;

/** Room for the next index of every repository that waits for one: so every accepted package can be published. */
export interface IndexReserve {
  /**
   * @returns the free bytes beyond the reserve, less than 0 when the reserve itself is short; Infinity where the file
   * system does not say.
   */
  readonly spareBytes: () => number;
  /**
   * Demands that the reserve is free, also for the next index of these repositories and when so many bytes more have
   * been written.
   * @throws AppError STORAGE_FULL.
   */
  readonly demandReserve: (repositories: readonly RepositoryName[], comingBytes?: number) => void;
}

export function createIndexReserve({
  topDir,
  listStatus,
  freeBytes = readFreeBytes,
}: IndexReserveOptions): IndexReserve {
  return {
    spareBytes: () => {
      const free = freeBytes(topDir);
      return free === undefined ? Number.POSITIVE_INFINITY : free - neededBytesFor([]);
    },
    demandReserve: (repositories, comingBytes = 0) => {
      const free = freeBytes(topDir);
      if (free === undefined) return;
      const neededBytes = neededBytesFor(repositories);
      if (free - comingBytes >= neededBytes) return;
      const coming = comingBytes === 0 ? '' : `, and ${sizeText(comingBytes)} would come`;
      throw new AppError(
        'STORAGE_FULL',
        `the storage at ${topDir} has ${sizeText(free)} left and keeps ${sizeText(neededBytes)} for the next index${coming}`,
        { hint: `Free disk space on the mount of ${topDir}, then send the package again.` },
      );
    },
  };

  function neededBytesFor(repositories: readonly RepositoryName[]): number {
    const indexBytes = listStatus()
      .filter(({ repository, state }) => state !== 'clean' || repositories.includes(repository))
      .reduce((sum, { published }) => sum + (published?.indexBytes ?? 0), 0);
    return INDEX_FACTOR * indexBytes + FLOOR_BYTES;
  }
}
