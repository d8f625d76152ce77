import type { KnownDirectories, PlacedStep } from '../../../storage/package-names.ts';
import type { IndexJob } from '../../index-engine.ts';
import type { IndexState } from './index-state.ts';
import type { RepositoryName } from '../../../rpm/repository-name.ts';

/** The directories at the time when an index described each package in them, and nothing else. */
interface Settled {
  readonly state: IndexState;
  readonly directories: KnownDirectories;
}

/** Asks the directories of a repository. */
export interface NameQuestions {
  /** See followSteps(). */
  readonly follow: (
    repositoryDir: string,
    known: KnownDirectories,
    steps: readonly PlacedStep[],
  ) => Promise<KnownDirectories | undefined>;
  /** See haveNameCounts(). */
  readonly haveCounts: (repositoryDir: string, directories: KnownDirectories) => Promise<boolean>;
}

/**
 * Remembers for each repository the directories that agreed with the last index, so that a run after an upload need not
 * read and compare all names again.
 */
export class SettledNames {
  readonly #settled = new Map<string, Settled>();
  readonly #ask: NameQuestions;

  constructor(ask: NameQuestions) {
    this.#ask = ask;
  }

  /**
   * The directories as they are now, when only this service has changed them since the former index; undefined when
   * another program has, or this is not known.
   */
  async follow(job: IndexJob, former: IndexState): Promise<KnownDirectories | undefined> {
    const settled = this.#settled.get(job.repository);
    const isComparable = job.trust === 'names' && isWhole(job) && !job.isFoundIndexKept;
    if (!isComparable || settled?.state !== former) return undefined;
    return await this.#ask.follow(job.repositoryDir, settled.directories, job.steps);
  }

  haveCounts(job: IndexJob, directories: KnownDirectories): Promise<boolean> {
    return this.#ask.haveCounts(job.repositoryDir, directories);
  }

  /** An index describes every package in the directories. */
  settle(job: IndexJob, settled: Settled): void {
    if (isWhole(job)) this.#settled.set(job.repository, settled);
  }

  forget(repository: RepositoryName): void {
    this.#settled.delete(repository);
  }
}

/** No package on disk stays out of the index, or in it as it was published. */
function isWhole({ setAside, heldBack, kept }: IndexJob): boolean {
  return setAside.size + heldBack.size + kept.size === 0;
}
