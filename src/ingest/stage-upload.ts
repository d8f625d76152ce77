import { ownerOf, type Requester } from '../access/requester.ts';
import {
  type Batch,
  type BatchMember,
  type BatchSummary,
  memberFile,
  readBatch,
  repositoriesOf,
} from '../batches/batch-store.ts';
import { AppError } from '../errors.ts';
import { admitUpload } from './admit-upload.ts';
import type { SpooledUpload } from '../receive/spooled-upload.ts';
import type { UploadOutcome } from '../receive/upload-outcome.ts';
import { committedOutcome, stagedOutcome } from './batch-outcomes.ts';
import type { BatchParts } from './ingest-parts.ts';
import { batchCommitted } from './batch-refusal.ts';
import { batchTurn } from './place-decided.ts';

/**
 * Keeps an upload for the commit of its batch. When this returns, it survives a power cut.
 * @throws AppError with the code of the rule that refused the package, BATCH_COMMITTED, QUOTA_REACHED, or of the fault of ours.
 */
export async function stageUpload(
  upload: SpooledUpload,
  id: string,
  parts: BatchParts,
): Promise<UploadOutcome> {
  const { targets, asSent } = await admitUpload(upload, parts);
  const { sha256, nevra, sizeBytes } = asSent.inspected;
  parts.checkReserve(targets.map(({ repository }) => repository));
  await parts.timed('sync', () => parts.store.prepare(asSent.path));
  return parts.takeTurns(batchTurn(id), async () => {
    const status = await parts.batches.statusOf(id);
    if (status !== undefined && status.state !== 'staged') {
      return outcomeOfCommitted(await readBatch(id, parts.batches), { sha256, targets }, parts);
    }
    refuseForeign(id, await parts.batches.summarise(id), upload.requester);
    const member: BatchMember = {
      file: memberFile(sha256, targets),
      nevra,
      sha256,
      sizeBytes,
      targets: targets.map(({ repository, location }) => ({ repository, location })),
      signatures: Object.fromEntries(asSent.signatures),
    };
    await parts.batches.add(id, { path: asSent.path, owner: ownerOf(upload.requester) }, member);
    return stagedOutcome(id, member, parts);
  });
}

/** Whoever began a batch could no longer commit it, once it had a package for a repository that is closed to them. */
function refuseForeign(id: string, batch: BatchSummary | undefined, { rights }: Requester): void {
  if (batch === undefined || batch.repositories.every((repository) => rights.may('upload', repository)))
    return;
  throw new AppError(
    'RIGHT_MISSING',
    `the batch ${id} has packages for repositories that are closed to you`,
    {
      hint: 'It is a batch of somebody else: take another name for yours.',
    },
  );
}

/** A member that is sent again after the commit, as a build job that lost the answer does. @throws AppError BATCH_COMMITTED. */
function outcomeOfCommitted(
  { id, members }: Batch,
  { sha256, targets }: Pick<BatchMember, 'sha256' | 'targets'>,
  parts: BatchParts,
): UploadOutcome {
  const member = members.find(
    (one) =>
      (one.sha256 === sha256 || one.receivedSha256 === sha256) &&
      repositoriesOf([one]).join() === repositoriesOf([{ targets }]).join(),
  );
  if (member === undefined) throw batchCommitted(id);
  return committedOutcome(member, 'unchanged', parts);
}
