import { demandProven, nameOwner, type Requester } from '../trust/requester.ts';
import { type Batch, batchTurn, demandBatch, repositoriesOf } from '../storage/batch-store.ts';
import { AppError, toAppError } from '../errors.ts';
import type { Target } from '../storage/repository-layout.ts';
import type { UploadOutcome } from '../api/upload-outcome.ts';
import { listOutcomes } from './batch-outcomes.ts';
import { type Refused, refuseBatch } from './ingest/batch-refusal.ts';
import { toBatchAccess, demandUpload } from './batch-rights.ts';
import { inParallel } from '../base/turns/in-parallel.ts';
import type { BatchParts } from './ingest-parts.ts';
import { takeAllTurns } from './ingest/take-all-turns.ts';
import { discardAll, findClashes, type PreparedFile, prepareFiles } from './ingest/prepare-files.ts';

export interface Commit {
  /** False when the batch had been committed before. */
  readonly isNew: boolean;
  readonly packages: readonly UploadOutcome[];
}

/**
 * Puts all packages of a batch into the tree, or none. Once it has decided that they go there, they do, also after a
 * crash, and no index ever has a part of them. May be repeated.
 * @throws AppError NOT_FOUND, RIGHT_MISSING, SIGNATURE_INVALID, BATCH_REFUSED with every package that cannot go there,
 * QUOTA_REACHED; BATCH_UNPLACED after the decision, or for another fault of the service before it.
 */
export async function commitBatch(id: string, requester: Requester, parts: BatchParts): Promise<Commit> {
  // Comes first: X-Signature: sha1= proves a client only by a file, and a commit has none. The service tells an
  // unproven client nothing.
  demandProven(requester);
  // Checked before the client waits for others.
  demandUpload(requester, toBatchAccess(await demandBatch(id, parts.batches)));
  // A client that asks once more, because the commit takes long, waits for the same commit.
  return parts.takeTurns(`commit of ${id}`, async () => {
    let isNew = false;
    let refusals = 0;
    for (;;) {
      const batch = await demandBatch(id, parts.batches);
      // Packages for other repositories may have come since.
      demandUpload(requester, toBatchAccess(batch));
      if (batch.state === 'committed') return { isNew, packages: await listOutcomes(batch, parts) };
      isNew = true;
      if (batch.state === 'committing') await completeCommit(batch, parts);
      else {
        const refusal = await commitStaged(batch, requester, parts);
        if (refusal === undefined) continue;
        refusals += 1;
        // The same package may have been signed for another client meanwhile: prepared once more, it is that one.
        if (parts.signing === undefined || refusals > 1) throw refusal;
      }
    }
  });
}

/**
 * Places the decided packages, while no index run looks.
 * @throws AppError BATCH_UNPLACED.
 */
export async function completeCommit({ id, members }: Batch, parts: BatchParts): Promise<void> {
  const repositories = repositoriesOf(members);
  await parts.queue.whileHeld(repositories, () =>
    parts.takeTurns(batchTurn(id), () => parts.places.complete(id)),
  );
}

/** @returns why it is refused; undefined when it was placed, or when the batch has changed meanwhile. */
async function commitStaged(
  batch: Batch,
  requester: Requester,
  parts: BatchParts,
): Promise<AppError | undefined> {
  const { id } = batch;
  const repositories = repositoriesOf(batch.members);
  // Comes first: holding a repository makes a queue of it.
  await parts.admitRepositories(repositories, nameOwner(requester));
  const files = await prepareFiles(batch, parts);
  if (files instanceof AppError) return files;
  try {
    // Every caller waits in this order: hold, targets, batch.
    return await parts.queue.whileHeld(repositories, () =>
      takeAllTurns(listTargets(files), parts.takeTurns, () =>
        parts.takeTurns(batchTurn(id), async () => {
          if (!isSame(batch, await parts.batches.read(id))) return undefined;
          const looked = await lookAtAll(files, parts);
          if (looked instanceof AppError) return looked;
          parts.demandReserve(repositories);
          await inParallel(repositories, parts.prepareRepository);
          await parts.places.commit(id, looked);
          return undefined;
        }),
      ),
    );
  } finally {
    await discardAll(files);
  }
}

function isSame(before: Batch, now: Batch | undefined): boolean {
  return now?.state === 'staged' && listMembers(before) === listMembers(now);
}

function listMembers({ members }: Batch): string {
  return members.map(({ file }) => file).join();
}

/** The members of the decision, or why they are refused. */
async function lookAtAll(
  files: readonly PreparedFile[],
  parts: BatchParts,
): Promise<readonly PreparedFile['member'][] | AppError> {
  const clashes = findClashes(files);
  if (clashes.length > 0) return refuseBatch(clashes, files.length);
  const refused: Refused[] = [];
  const looked = await inParallel(files, async ({ file, member }) => {
    try {
      const states = await parts.places.look(file);
      const isCreated = states.some(({ holdsPackage }) => !holdsPackage);
      return { ...member, outcome: isCreated ? ('created' as const) : ('unchanged' as const) };
    } catch (error) {
      refused.push({ nevra: file.nevra, sha256: chooseSentSha256(file), error: toAppError(error) });
      return member;
    }
  });
  return refused.length === 0 ? looked : refuseBatch(refused, files.length);
}

/** The digest as the client knows it. */
function chooseSentSha256({ sha256, receivedSha256 }: PreparedFile['file']): string {
  return receivedSha256 ?? sha256;
}

function listTargets(files: readonly PreparedFile[]): readonly Target[] {
  return files.flatMap(({ file }) => file.targets);
}
