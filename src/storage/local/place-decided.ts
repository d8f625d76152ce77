import { inParallel } from '../../base/turns/in-parallel.ts';
import type { TakeTurns } from '../../base/turns/take-turns.ts';
import { AppError, toAppError } from '../../errors.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';
import { batchTurn } from '../batch-store.ts';
import { memberToPlace } from '../member-to-place.ts';
import type { BatchFolders } from './batch-folders.ts';
import { placeAndRecord, type PlaceParts } from './place-and-record.ts';
import { lookAtTargets, type StoredFacts } from './place-package.ts';

export interface PlaceDecidedParts extends PlaceParts {
  readonly folders: BatchFolders;
}

/**
 * Puts a batch whose commit was decided into the tree; does nothing when it is there already. The caller has its turn,
 * and the repositories carry their marks since before the decision.
 * @throws AppError BATCH_UNPLACED: the storage has a fault, or a file was put there by hand meanwhile.
 */
export async function placeDecidedBatch(id: string, parts: PlaceDecidedParts): Promise<void> {
  const { folders, files } = parts;
  try {
    const batch = await folders.read(id);
    if (batch?.state !== 'committing') return;
    const placements = await inParallel(batch.members, async (member) => {
      const file = memberToPlace(member, await folders.fileOf(id, member));
      return { file, states: await lookAtTargets(file, createFacts(parts), files) };
    });
    await placeAndRecord(placements, parts);
    await folders.finish(id);
  } catch (cause) {
    const { message, hint } = toAppError(cause);
    throw new AppError('BATCH_UNPLACED', `the batch ${id} was committed, but cannot be placed: ${message}`, {
      hint: `It is tried again before each index run, and no index is published without it. ${hint}`,
      cause,
    });
  }
}

/** The facts about a file that was put there by hand after the commit was decided: its digest says enough. */
function createFacts({ records }: PlaceDecidedParts): StoredFacts {
  return {
    describe: async () => 'another file',
    acknowledgedAt: ({ repository, location }) => records.receiptAt(repository, location),
  };
}

/**
 * Places every decided batch that has packages in a repository, before an index run of it looks at the packages.
 * @throws AppError BATCH_UNPLACED.
 */
export async function placeDecidedIn(
  repository: RepositoryName,
  parts: PlaceDecidedParts & { readonly takeTurns: TakeTurns },
): Promise<void> {
  try {
    // A batch that cannot be placed must not keep the others.
    await inParallel(parts.folders.unplacedIn(repository), (id) =>
      parts.takeTurns(batchTurn(id), () => placeDecidedBatch(id, parts)),
    );
  } catch (cause) {
    throw unplacedIn(repository, cause);
  }
}

/** A reader of this repository may not be allowed to read the others that the batch goes to: neither they nor its name are told. */
function unplacedIn(repository: RepositoryName, cause: unknown): AppError {
  return new AppError('BATCH_UNPLACED', `a committed batch cannot be placed into ${repository} yet`, {
    hint: 'It is tried again before each index run, and no index is published without it; the log of the service has the cause.',
    cause,
  });
}
