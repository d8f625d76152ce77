import type { ReindexQueue } from '../reindex/reindex-queue.ts';

/** Ends the quiet time of repositories: a client waits for their index that may upload to each of them. */
export function endQuietTime(repositories: readonly string[], queue: Pick<ReindexQueue, 'of'>): void {
  for (const repository of repositories) queue.of(repository).hurry();
}
