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
 * Tells whether room is left for the next index of the repositories that wait for one and of these, also when so many bytes
 * more have been written.
 * @returns how many bytes more that could be; Infinity where the file system does not say.
 * @throws AppError STORAGE_FULL.
 */
export type CheckReserve = (repositories: readonly string[], comingBytes?: number) => number;

/** Keeps room for the next index of every repository that waits for one: a package that was taken can then be published. */
export function createIndexReserve({
  topDir,
  listStatus,
  freeBytes = freeBytesOf,
}: IndexReserveOptions): CheckReserve {
  return (repositories, comingBytes = 0) => {
    const free = freeBytes(topDir);
    if (free === undefined) return Number.POSITIVE_INFINITY;
    const indexBytes = listStatus()
      .filter(({ repository, state }) => state !== 'clean' || repositories.includes(repository))
      .reduce((sum, { published }) => sum + (published?.indexBytes ?? 0), 0);
    const neededBytes = INDEX_FACTOR * indexBytes + FLOOR_BYTES;
    const spareBytes = free - comingBytes - neededBytes;
    if (spareBytes >= 0) return spareBytes;
    const coming = comingBytes === 0 ? '' : `, and ${comingBytes} would come`;
    throw new AppError(
      'STORAGE_FULL',
      `the storage has ${free} bytes left and keeps ${neededBytes} for the next index${coming}`,
      { hint: 'Free disk space on the server, then send the package again.' },
    );
  };
}
