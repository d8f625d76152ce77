import { AppError } from '../errors.ts';
import { freeBytesOf } from '../free-bytes.ts';
import type { RepositoryStatus } from './repository-queue.ts';

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

/**
 * Keeps room for the next index of every repository that waits for one: a package that was taken can then be published.
 * @returns a check for a package that goes to these repositories; it throws AppError STORAGE_FULL.
 */
export function createIndexReserve({
  topDir,
  listStatus,
  freeBytes = freeBytesOf,
}: IndexReserveOptions): (repositories: readonly string[]) => void {
  return (repositories) => {
    const free = freeBytes(topDir);
    if (free === undefined) return;
    const indexBytes = listStatus()
      .filter(({ repository, state }) => state !== 'clean' || repositories.includes(repository))
      .reduce((sum, { published }) => sum + (published?.indexBytes ?? 0), 0);
    const neededBytes = INDEX_FACTOR * indexBytes + FLOOR_BYTES;
    if (free >= neededBytes) return;
    throw new AppError(
      'STORAGE_FULL',
      `the storage has ${free} bytes left and keeps ${neededBytes} for the next index`,
      { hint: 'Free disk space on the server, then send the package again.' },
    );
  };
}
