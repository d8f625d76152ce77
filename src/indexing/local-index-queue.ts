import pLimit from 'p-limit';
import type { IndexQueue } from '../storage/index-queue.ts';
import {
  type RepositoryScheduleOptions,
  RepositorySchedule,
  type RepositoryStatus,
} from './repository-schedule.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

export interface LocalIndexQueueOptions extends Omit<RepositoryScheduleOptions, 'inSlot'> {
  /** Repositories that may be rebuilt at the same time. */
  readonly concurrency: number;
}

/** The reindexing of all repositories. */
export class LocalIndexQueue implements IndexQueue {
  readonly #queues = new Map<RepositoryName, RepositorySchedule>();
  readonly #options: RepositoryScheduleOptions;
  #isClosed = false;

  constructor(options: LocalIndexQueueOptions) {
    const limit = pLimit(options.concurrency);
    this.#options = { ...options, inSlot: (task) => limit(task) };
  }

  /** The repository's own queue. */
  of(repository: RepositoryName): RepositorySchedule {
    const known = this.#queues.get(repository);
    if (known !== undefined) return known;
    const queue = new RepositorySchedule(repository, this.#options);
    this.#queues.set(repository, queue);
    // An upload under way when the service stopped may open a repository; its mark tells the next start.
    if (this.#isClosed) queue.close(0).catch(noop);
    return queue;
  }

  /** Runs `place` while each of these repositories carries a durable mark. */
  whileMarked<T>(repositories: readonly RepositoryName[], place: () => Promise<T>): Promise<T> {
    return inEach(repositories, (repository, inner) => this.of(repository).whileMarked(inner), place);
  }

  /** Runs `task` while no run of these repositories is under way. */
  whileHeld<T>(repositories: readonly RepositoryName[], task: () => Promise<T>): Promise<T> {
    return inEach(repositories, (repository, inner) => this.of(repository).whileHeld(inner), task);
  }

  /** Answers when everything requested so far in these repositories is published. @throws AppError of a failed run. */
  async whenPublished(
    repositories: readonly RepositoryName[],
    waitMs: number,
  ): Promise<'published' | 'pending'> {
    const results = await Promise.all(
      repositories.map((repository) => this.of(repository).whenPublished(waitMs)),
    );
    return results.includes('pending') ? 'pending' : 'published';
  }

  /** Ends the quiet time of these repositories. */
  hurry(repositories: readonly RepositoryName[]): void {
    for (const repository of repositories) this.of(repository).hurry();
  }

  /** The status of a repository that this queue has met; undefined for any other. */
  statusOf(repository: RepositoryName): RepositoryStatus | undefined {
    return this.#queues.get(repository)?.status();
  }

  listStatus(): readonly RepositoryStatus[] {
    return [...this.#queues.values()]
      .map((queue) => queue.status())
      .toSorted((a, b) => (a.repository < b.repository ? -1 : 1));
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#queues.values()].map((queue) => queue.close(graceMs)));
  }
}

/**
 * Runs a task within something done in each of these repositories, once each and in order of name: two callers that wait for each
 * other's repositories would wait for ever.
 */
function inEach<T>(
  repositories: readonly RepositoryName[],
  within: (repository: RepositoryName, inner: () => Promise<T>) => Promise<T>,
  task: () => Promise<T>,
): Promise<T> {
  return [...new Set(repositories)]
    .toSorted()
    .reduceRight<() => Promise<T>>((inner, repository) => () => within(repository, inner), task)();
}

function noop(): undefined {
  return undefined;
}
