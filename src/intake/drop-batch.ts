import { demandProven, type Requester } from '../trust/requester.ts';
import { batchTurn, demandBatch } from '../storage/batch-store.ts';
import type { BatchParts } from './ingest-parts.ts';
import { toBatchAccess, demandUpload } from './batch-rights.ts';
import { batchCommitted } from './ingest/batch-refusal.ts';

/** @throws AppError NOT_FOUND, BATCH_COMMITTED, RIGHT_MISSING, SIGNATURE_INVALID. */
export async function dropBatch(id: string, requester: Requester, parts: BatchParts): Promise<void> {
  demandProven(requester);
  await parts.takeTurns(batchTurn(id), async () => {
    const batch = await demandBatch(id, parts.batches);
    demandUpload(requester, toBatchAccess(batch));
    if (batch.state !== 'staged') throw batchCommitted(id);
    await parts.batches.drop(id);
  });
}

export interface SweepParts extends Pick<BatchParts, 'batches' | 'takeTurns' | 'now'> {
  /** Called for a batch that could not be removed; the next sweep tries again. */
  readonly onFailure: (id: string, error: unknown) => void;
}

/**
 * Drops batches that no request changed for `keepMs`, and gives their names; forgets committed ones that are as old, or
 * too many.
 */
export async function sweepBatches(keepMs: number, parts: SweepParts): Promise<readonly string[]> {
  const { batches, now } = parts;
  const dropped: string[] = [];
  await forgetSurplus(parts);
  for (const { id } of await batches.listStatus()) {
    await removeInTurn(id, parts, async () => {
      // Also one that a crash left without any member, or whose members cannot be read.
      const status = await batches.statusOf(id);
      if (status === undefined || status.state === 'committing') return;
      if (now() - status.changedAtMs < keepMs) return;
      await batches.drop(id);
      if (status.state === 'staged') dropped.push(id);
    });
  }
  return dropped;
}

/** Forgets the oldest committed batches, as many as there are too many. The caller has no turn of a batch. */
export async function forgetSurplus(parts: Omit<SweepParts, 'now'>): Promise<void> {
  const { batches } = parts;
  for (const id of await batches.listSurplus()) {
    await removeInTurn(id, parts, async () => {
      // It may have gone meanwhile, and another one of this name begun.
      if ((await batches.statusOf(id))?.state === 'committed') await batches.drop(id);
    });
  }
}

async function removeInTurn(
  id: string,
  { takeTurns, onFailure }: Pick<SweepParts, 'takeTurns' | 'onFailure'>,
  remove: () => Promise<void>,
): Promise<void> {
  try {
    await takeTurns(batchTurn(id), remove);
  } catch (error) {
    // A batch that fails must not keep the others.
    onFailure(id, error);
  }
}
