import type { Batch, BatchMember } from '../storage/batch-store.ts';
import { batchUrl } from './batch-url.ts';
import { toOutcomeFacts } from './ingest/choose-file.ts';
import type { UploadOutcome } from '../api/upload-outcome.ts';
import type { BatchParts } from './ingest-parts.ts';
import { describePlaces } from './describe-upload.ts';

/** What became of each package of a batch, in order of NEVRA. */
export async function listOutcomes(
  { id, state, members }: Batch,
  parts: Pick<BatchParts, 'records' | 'publicUrl'>,
): Promise<readonly UploadOutcome[]> {
  const outcomes = members.map((member) =>
    state === 'committed'
      ? committedOutcome(member, member.outcome ?? 'known', parts)
      : stagedOutcome(id, member, parts),
  );
  return inOrder(await Promise.all(outcomes));
}

/** By NEVRA. */
export function inOrder(outcomes: readonly UploadOutcome[]): readonly UploadOutcome[] {
  return outcomes.toSorted((a, b) => (a.nevra < b.nevra ? -1 : 1));
}

/** The outcome of a package whose batch was committed. */
export async function committedOutcome(
  member: BatchMember,
  outcome: UploadOutcome['outcome'],
  parts: Pick<BatchParts, 'records' | 'publicUrl'>,
): Promise<UploadOutcome> {
  const receipts = await parts.records.receiptsOf(member.sha256);
  const places = await describePlaces(receipts, member.targets, parts);
  return { ...toOutcomeFacts(member), outcome, places };
}

/** The outcome of a package that waits for the commit. */
export async function stagedOutcome(
  batch: string,
  member: BatchMember,
  parts: Pick<BatchParts, 'records' | 'publicUrl'>,
): Promise<UploadOutcome> {
  const places = (await describePlaces([], member.targets, parts)).map((place) => {
    const signature = member.signatures[place.repository];
    return { ...place, state: 'staged' as const, ...(signature !== undefined && { signature }) };
  });
  const commitUrl = `${batchUrl(parts.publicUrl, batch)}/commit`;
  return { outcome: 'staged', batch, commitUrl, ...toOutcomeFacts(member), places };
}
