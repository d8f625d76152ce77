import type { UploadOutcome } from '../api/upload-outcome.ts';
import type { Commit } from '../intake/commit-batch.ts';
import type { Batch, BatchSummary } from '../storage/batch-store.ts';
import type { Requester } from '../trust/requester.ts';

/** What the routes of batches need from the rest of the service. */
export interface BatchOptions {
  /** The batches that the requester may read. */
  readonly list: (requester: Requester) => Promise<readonly BatchSummary[]>;
  /** @throws AppError NOT_FOUND, also of one that the requester may not read. */
  readonly read: (id: string, requester: Requester) => Promise<Batch>;
  readonly outcomesOf: (batch: Batch) => Promise<readonly UploadOutcome[]>;
  /**
   * A client that asks while a commit runs waits for the same.
   * @throws AppError NOT_FOUND, BATCH_REFUSED, BATCH_UNPLACED, RIGHT_MISSING.
   */
  readonly commit: (id: string, requester: Requester) => Promise<Commit>;
  /** @throws AppError NOT_FOUND, BATCH_COMMITTED, RIGHT_MISSING. */
  readonly drop: (id: string, requester: Requester) => Promise<void>;
  readonly waitUntilInstallable: (
    outcome: UploadOutcome,
    waitMs: number,
  ) => Promise<UploadOutcome | 'pending'>;
  /** Renders in text the answer to an upload; `pending`: the package is in no index yet. */
  readonly lineOf: (outcome: UploadOutcome, state: 'settled' | 'pending') => string;
  /** How long a batch is kept after it last changed. */
  readonly keepMs: number;
  /** Without a slash at its end. */
  readonly publicUrl: string;
}
