import type { Logger } from 'pino';
import { type BatchSummary, demandBatch } from '../storage/batch-store.ts';
import type { BatchOptions } from '../http/batch-options.ts';
import { inOrder, listOutcomes } from '../intake/batch-outcomes.ts';
import { toBatchAccess, demandRead, mayRead } from '../intake/batch-rights.ts';
import { type Commit, commitBatch, completeCommit } from '../intake/commit-batch.ts';
import { dropBatch, forgetSurplus, sweepBatches } from '../intake/drop-batch.ts';
import type { BatchParts } from '../intake/ingest-parts.ts';
import type { LongWork } from '../base/turns/long-work.ts';
import type { UploadOutcome } from '../api/upload-outcome.ts';

export interface Batches extends Omit<BatchOptions, 'lineOf' | 'waitUntilInstallable'> {
  /** Drops batches that no client committed in time; gives their names. */
  readonly sweep: () => Promise<readonly string[]>;
  /** Places what an earlier process had decided; what cannot be placed is tried again before each index run. */
  readonly complete: () => Promise<void>;
  /** Answers when nothing of it goes on any more: a commit does when its client has been told to ask again. */
  readonly settled: () => Promise<void>;
}

// Each asks the records.
const MEMBERS_A_PIECE = 100;

/** The batches of a service. */
export function openBatches(
  parts: BatchParts,
  { keepMs, longWork, log }: { readonly keepMs: number; readonly longWork: LongWork; readonly log: Logger },
): Batches {
  const { batches } = parts;
  const unended = new Set<Promise<unknown>>();

  return {
    ...batchQuestions(parts, longWork, log),
    commit: (id, requester) => untilEnded(commitLogged(id, requester)),
    drop: (id, requester) => untilEnded(dropBatch(id, requester, parts)),
    keepMs,
    publicUrl: parts.publicUrl,
    sweep: () => untilEnded(sweep()),
    complete: async () => {
      for (const id of await batches.listUnplaced()) {
        await complete(id).catch((error: unknown) => {
          log.error({ batch: id, err: error }, 'a committed batch is not placed yet');
        });
      }
    },
    settled: async () => {
      await Promise.allSettled(unended);
    },
  };

  function untilEnded<T>(task: Promise<T>): Promise<T> {
    unended.add(task);
    const forget = (): void => void unended.delete(task);
    task.then(forget, forget);
    return task;
  }

  async function commitLogged(...[id, requester]: Parameters<Batches['commit']>): Promise<Commit> {
    const commit = await commitBatch(id, requester, parts);
    if (!commit.isNew) return commit;
    log.info({ batch: id, packages: commit.packages.length }, 'batch committed');
    // The client does not wait for it: its batch is committed, also when another one cannot be removed.
    void untilEnded(forgetSurplus({ ...parts, onFailure }));
    return commit;
  }

  function onFailure(batch: string, error: unknown): void {
    log.warn({ batch, err: error }, 'batch not removed; the next sweep tries again');
  }

  async function complete(id: string): Promise<void> {
    const batch = await batches.read(id);
    if (batch?.state === 'committing') await completeCommit(batch, parts);
  }

  async function sweep(): Promise<readonly string[]> {
    const dropped = await sweepBatches(keepMs, { ...parts, onFailure });
    if (dropped.length > 0)
      log.warn({ batches: dropped }, 'dropped batches that no client committed in time');
    return dropped;
  }
}

/** What clients ask of batches. */
function batchQuestions(
  parts: BatchParts,
  longWork: LongWork,
  log: Logger,
): Pick<Batches, 'list' | 'read' | 'outcomesOf'> {
  const { batches } = parts;
  return {
    list: async (requester) => {
      const found: BatchSummary[] = [];
      for (const status of await batches.listStatus()) {
        // A damaged one must not hide the others; it goes when its time is up.
        const batch = await batches.summarise(status).catch((error: unknown) => {
          log.error({ batch: status.id, err: error }, 'batch not readable');
        });
        if (batch !== undefined && mayRead(requester, batch.repositories)) found.push(batch);
      }
      return found;
    },
    read: async (id, requester) => {
      // Before its packages are read, of which there may be thousands.
      const status = await batches.statusOf(id);
      const summary = status === undefined ? undefined : await batches.summarise(status);
      if (summary !== undefined) demandRead(requester, summary);
      const batch = await demandBatch(id, batches);
      demandRead(requester, toBatchAccess(batch));
      return batch;
    },
    outcomesOf: async (batch) => {
      const outcomes: UploadOutcome[] = [];
      for (let start = 0; start < batch.members.length; start += MEMBERS_A_PIECE) {
        const members = batch.members.slice(start, start + MEMBERS_A_PIECE);
        outcomes.push(...(await longWork.piece(() => listOutcomes({ ...batch, members }, parts))));
      }
      return inOrder(outcomes);
    },
  };
}
