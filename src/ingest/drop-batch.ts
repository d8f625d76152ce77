import { demandProven, type Requester } from '../access/requester.ts';
import { readBatch } from '../batches/batch-store.ts';
import type { BatchParts } from './ingest-parts.ts';
import { accessOf, demandUpload } from './batch-rights.ts';
import { batchCommitted } from './batch-refusal.ts';
import { batchTurn } from './place-decided.ts';

/** @throws AppError NOT_FOUND, BATCH_COMMITTED, RIGHT_MISSING, SIGNATURE_INVALID. */
export async function dropBatch(id: string, requester: Requester, parts: BatchParts): Promise<void> {
  demandProven(requester);
  await parts.takeTurns(batchTurn(id), async () => {
    const batch = await readBatch(id, parts.batches);
    demandUpload(requester, accessOf(batch));
    if (batch.state !== 'staged') throw batchCommitted(id);
    await parts.batches.drop(id);
  });
}

/** Drops batches that nothing came to for `keepMs`, and forgets committed ones; gives their names. */
export async function sweepBatches(
  keepMs: number,
  { batches, takeTurns, now }: Pick<BatchParts, 'batches' | 'takeTurns' | 'now'>,
): Promise<readonly string[]> {
  const dropped: string[] = [];
  for (const { id } of await batches.listStatus()) {
    await takeTurns(batchTurn(id), async () => {
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
