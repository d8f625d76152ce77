import type { RepositoryName } from '../rpm/repository-name.ts';
import { toAppError } from '../errors.ts';
import { readPublishedIndex } from './read-metadata.ts';
import { isWhole, publishEmptyIndex, type ReindexParts } from './reindex-repository.ts';
import type { LocalIndexQueue } from './local-index-queue.ts';

/**
 * Makes sure that a repository has its directory, an index and its .repo file, once for each repository. A caller that
 * asks meanwhile waits for the same preparation; after a failure the next caller tries again.
 */
export function createRepositoryPreparation(options: {
  readonly reindexParts: ReindexParts;
  readonly queue: LocalIndexQueue;
  readonly writeRepoFile: (repository: RepositoryName) => Promise<void>;
  /** Another repository that its .repo file names: a host stops when it is missing. */
  readonly besideOf: (repository: RepositoryName) => RepositoryName | undefined;
}): (repository: RepositoryName) => Promise<void> {
  const { reindexParts, queue, writeRepoFile, besideOf } = options;
  const { repositories, publications } = reindexParts.storage;
  const prepared = new Set<RepositoryName>();
  const running = new Map<RepositoryName, Promise<void>>();

  return prepareOnce;

  function prepareOnce(repository: RepositoryName): Promise<void> {
    const preparation = running.get(repository);
    if (preparation !== undefined) return preparation;
    const started = prepareUnlessThere(repository).finally(() => running.delete(repository));
    running.set(repository, started);
    return started;
  }

  async function prepareUnlessThere(repository: RepositoryName): Promise<void> {
    // A person may have removed the directory since.
    if (prepared.has(repository) && (await repositories.has(repository))) return;
    await prepare(repository);
  }

  async function prepare(repository: RepositoryName): Promise<void> {
    await repositories.create(repository);
    const published = await readPublishedIndex(await publications.workspace(repository));
    if (published === undefined) await publishFirstIndex(repository);
    else {
      queue.of(repository).restore(published);
      if (!(await isWhole(repository, reindexParts))) publishAgain(repository);
    }
    const beside = besideOf(repository);
    if (beside !== undefined) await prepareOnce(beside);
    await writeRepoFile(repository);
    prepared.add(repository);
  }

  /** An empty index at once; but a directory that was filled by hand gets a real one as soon as possible. */
  async function publishFirstIndex(repository: RepositoryName): Promise<void> {
    const isFilled = (await repositories.listPackages(repository)).length > 0;
    if (!isFilled) {
      try {
        return queue.of(repository).restore(await publishEmptyIndex(repository, reindexParts));
      } catch (error) {
        if (toAppError(error).code !== 'SIGNING_FAILED') throw error;
        // The service takes the upload that opens the repository all the same; the run below reports what is wrong.
      }
    }
    await queue.of(repository).whileMarked(async () => undefined);
    queue.of(repository).hurry();
  }

  /** Without a mark: a start after a crash sees the same. */
  function publishAgain(repository: RepositoryName): void {
    queue.of(repository).request();
    queue.of(repository).hurry();
  }
}
