import { nameOwner } from '../trust/requester.ts';
import {
  type Batch,
  type BatchMember,
  batchTurn,
  memberFile,
  demandBatch,
  repositoriesOf,
} from '../storage/batch-store.ts';
import { admitUpload } from './ingest/admit-upload.ts';
import type { SpooledUpload } from './spooled-upload.ts';
import type { UploadOutcome } from '../api/upload-outcome.ts';
import { committedOutcome, stagedOutcome } from './batch-outcomes.ts';
import type { BatchParts } from './ingest-parts.ts';
import { findUploadWarnings } from './ingest/choose-file.ts';
import { batchCommitted } from './ingest/batch-refusal.ts';
import { toBatchAccess, demandAdding } from './batch-rights.ts';
import { formatNevra } from '../rpm/nevra.ts';

/**
 * Keeps an upload for the commit of its batch. When this returns, it survives a power cut.
 * @throws AppError with the code of the rule that refused the package, BATCH_COMMITTED, QUOTA_REACHED, or of
 * the fault of the service.
 */
export async function stageUpload(
  upload: SpooledUpload,
  id: string,
  parts: BatchParts,
): Promise<UploadOutcome> {
  const { targets, asSent } = await admitUpload(upload, parts);
  const { sha256, nevra, sizeBytes } = asSent.inspected;
  parts.demandReserve(targets.map(({ repository }) => repository));
  await parts.timed('sync', () => parts.places.prepare(asSent.path));
  return parts.takeTurns(batchTurn(id), async () => {
    const status = await parts.batches.statusOf(id);
    if (status !== undefined && status.state !== 'staged') {
      const batch = await demandBatch(id, parts.batches);
      const member = findMember(batch, { sha256, targets });
      if (member !== undefined) return committedOutcome(member, 'unchanged', parts);
      // This client may not learn what became of another client's batch.
      demandAdding(upload.requester, toBatchAccess(batch));
      throw batchCommitted(id);
    }
    const summary = status === undefined ? undefined : await parts.batches.summarise(status);
    demandAdding(upload.requester, { id, repositories: summary?.repositories ?? [] });
    const member: BatchMember = {
      file: memberFile(sha256, targets),
      nevra: formatNevra(nevra),
      sha256,
      sizeBytes,
      targets: targets.map(({ repository, location }) => ({ repository, location })),
      signatures: Object.fromEntries(asSent.signatures),
      ...findUploadWarnings(asSent, targets, parts),
    };
    await parts.batches.add(id, { path: asSent.path, owner: nameOwner(upload.requester) }, member);
    return stagedOutcome(id, member, parts);
  });
}

/** A member that a client sends again after the commit, such as a build job that lost the answer. */
function findMember(
  { members }: Batch,
  { sha256, targets }: Pick<BatchMember, 'sha256' | 'targets'>,
): BatchMember | undefined {
  return members.find(
    (one) =>
      (one.sha256 === sha256 || one.receivedSha256 === sha256) &&
      repositoriesOf([one]).join() === repositoriesOf([{ targets }]).join(),
  );
}
