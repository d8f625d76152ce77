import type { RepositoryName } from '../rpm/repository-name.ts';

/** What an upload or a batch asks of the index runs of its repositories. */
export interface IndexQueue {
  /** Runs `place` while each of these repositories carries a durable mark. */
  whileMarked<T>(repositories: readonly RepositoryName[], place: () => Promise<T>): Promise<T>;
  /** Runs `task` while no run of these repositories is under way. */
  whileHeld<T>(repositories: readonly RepositoryName[], task: () => Promise<T>): Promise<T>;
  /** Answers when everything requested so far in these repositories is published. @throws AppError of a failed run. */
  whenPublished(repositories: readonly RepositoryName[], waitMs: number): Promise<'published' | 'pending'>;
  /** Ends the quiet time of repositories: a client waits for their index that may upload to each of them. */
  hurry(repositories: readonly RepositoryName[]): void;
}
