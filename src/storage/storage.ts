import type { TakeTurns } from '../base/turns/take-turns.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';
import type { BatchStore } from './batch-store.ts';
import type { IndexQueue } from './index-queue.ts';
import type { PlacedPackage } from './package-names.ts';
import type { Places } from './places.ts';
import type { Publications } from './publications.ts';
import type { Records } from './records.ts';
import type { Repositories } from './repositories.ts';
import type { RepositoryLayout } from './repository-layout.ts';
import type { StateLayout } from './state-layout.ts';

/** What is kept: packages, what is said of them, and batches. An implementation is chosen in open-storage.ts. */
export interface Storage {
  readonly records: Records;
  readonly repositories: Repositories;
  readonly publications: Publications;
  readonly batches: BatchStore;
  /**
   * Places what was decided and has packages in a repository, before an index run of it looks at the packages: a run that saw
   * half of a batch would publish it.
   * @throws AppError BATCH_UNPLACED.
   */
  placeDecided(repository: RepositoryName): Promise<void>;
  /** The queue that is told of what is placed needs the other parts itself, so it comes after them. */
  openPlaces(options: PlacesOptions): Places;
  close(): Promise<void>;
}

export interface StorageOptions {
  readonly layout: RepositoryLayout;
  readonly state: StateLayout;
  readonly takeTurns: TakeTurns;
  /** Tells the next index run which package to look at. */
  readonly notePlaced: (repository: RepositoryName, placed: PlacedPackage) => void;
  readonly now: () => number;
  readonly log: StorageLog;
}

/** The part of pino that storage uses. */
export interface StorageLog {
  warn(facts: object, message: string): void;
}

export interface PlacesOptions {
  readonly queue: Pick<IndexQueue, 'whileMarked'>;
  /** What package a file is, for messages. */
  readonly describe: (path: string) => Promise<string>;
}
