import type { Requester } from '../access/requester.ts';
import { type Batch, readBatch, repositoriesOf } from '../batches/batch-store.ts';
import { toAppError } from '../errors.ts';
import { storedFactsOf, turnOf } from '../ingest.ts';
import { lookAtTargets } from '../place/place-package.ts';
import type { UploadOutcome } from '../receive/upload-outcome.ts';
import { committedOutcome, outcomesOf } from './batch-outcomes.ts';
import type { BatchParts } from './batch-parts.ts';
import { type Refused, refusalOf } from './batch-refusal.ts';
import { demandUpload } from './batch-rights.ts';
import { batchTurn, placeDecidedBatch } from './place-decided.ts';
import { clashesOf, type PreparedFile, prepareFiles } from './prepare-files.ts';

/**
 * Puts all packages of a batch into the tree, or none: once this has decided that they go there, they do, also after a
 * crash, and no index ever has a part of them. To be repeated at will.
 * @throws AppError NOT_FOUND, BATCH_REFUSED with every package that cannot go there, or of the fault of ours.
 */
export async function commitBatch(
  id: string,
  requester: Requester,
  parts: BatchParts,
): Promise<readonly UploadOutcome[]> {
  demandUpload(requester, await readBatch(id, parts.batches));
  // Who asks once more, because it takes long, waits for the same commit.
  return parts.takeTurns(`commit of ${id}`, async () => {
    for (;;) {
      const batch = await readBatch(id, parts.batches);
      if (batch.state === 'committed') return outcomesOf(batch, parts);
      if (batch.state === 'committing') {
        await parts.takeTurns(batchTurn(id), () => placeDecidedBatch(id, parts));
        continue;
      }
      const outcomes = await commitStaged(batch, parts);
      if (outcomes !== undefined) return outcomes;
    }
  });
}

/** Undefined when a package came to the batch meanwhile. */
async function commitStaged(batch: Batch, parts: BatchParts): Promise<readonly UploadOutcome[] | undefined> {
  const { id } = batch;
  const files = await prepareFiles(batch, parts);
  const repositories = repositoriesOf(batch.members);
  try {
    // No index run may see a part of it.
    return await parts.queue.whileHeld(repositories, () =>
      takeAllTurns([batchTurn(id), ...files.map(({ file }) => turnOf(file.targets))], parts, async () => {
        const now = await parts.batches.read(id);
        if (now?.state !== 'staged' || now.members.length !== batch.members.length) return undefined;
        const isNew = await lookAtAll(files, parts);
        parts.checkReserve(repositories);
        await Promise.all(repositories.map(parts.prepareRepository));
        await parts.queue.whileMarked(repositories, async () => {
          await parts.batches.decide(
            id,
            files.map(({ member }) => member),
          );
          await placeDecidedBatch(id, parts);
        });
        return files
          .map(({ member }, index) =>
            committedOutcome(member, isNew[index] === true ? 'created' : 'unchanged', parts),
          )
          .toSorted((a, b) => (a.nevra < b.nevra ? -1 : 1));
      }),
    );
  } finally {
    for (const { discard } of files) await discard?.();
  }
}

/** For each file whether a repository lacks it. @throws AppError BATCH_REFUSED. */
async function lookAtAll(files: readonly PreparedFile[], parts: BatchParts): Promise<readonly boolean[]> {
  const stored = storedFactsOf(parts);
  const refused: Refused[] = [...clashesOf(files)];
  const isNew = await Promise.all(
    files.map(async ({ file }) => {
      try {
        const states = await lookAtTargets(file, stored, parts.store);
        return states.some(({ holdsPackage }) => !holdsPackage);
      } catch (error) {
        const { nevra, sha256, receivedSha256 } = file;
        // As the client knows it.
        refused.push({ nevra, sha256: receivedSha256 ?? sha256, error: toAppError(error) });
        return false;
      }
    }),
  );
  if (refused.length > 0) throw refusalOf(refused, files.length);
  return isNew;
}

/** In an order that is the same for everybody, so that two never wait for each other. */
function takeAllTurns<T>(
  keys: readonly string[],
  parts: Pick<BatchParts, 'takeTurns'>,
  task: () => Promise<T>,
): Promise<T> {
  return [...new Set(keys)]
    .toSorted()
    .reduceRight<() => Promise<T>>((inner, key) => () => parts.takeTurns(key, inner), task)();
}
