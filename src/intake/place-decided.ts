import type { RepositoryName } from '../rpm/repository-name.ts';
import { join } from 'node:path';
import type { BatchMember, BatchStore } from '../storage/batch-store.ts';
import { AppError, toAppError } from '../errors.ts';
import { inParallel } from '../base/turns/in-parallel.ts';
import { type FileToPlace, placeAndRecord, type PlaceParts } from './ingest/place-and-record.ts';
import { lookAtTargets, type StoredFacts } from './place/place-package.ts';
import type { TakeTurns } from '../base/turns/take-turns.ts';
import type { RepositoryLayout } from '../storage/repository-layout.ts';

export interface PlaceDecidedParts extends PlaceParts {
  readonly batches: BatchStore;
  readonly layout: RepositoryLayout;
}

/** Of what was put there by hand after the commit was decided: its digest says enough. */
function factsOf({ records }: PlaceDecidedParts): StoredFacts {
  return {
    describe: async () => 'another file',
    acknowledgedAt: ({ repository, location }) => records.receiptAt(repository, location),
  };
}

/**
 * Puts a batch into the tree whose commit was decided; nothing where it is there already. The caller has its turn, and
 * the repositories carry their marks since before the decision.
 * @throws AppError BATCH_UNPLACED: a fault of the storage, or a file was put there by hand meanwhile.
 */
export async function placeDecidedBatch(id: string, parts: PlaceDecidedParts): Promise<void> {
  try {
    const batch = await parts.batches.read(id);
    if (batch?.state !== 'committing') return;
    const placements = await inParallel(batch.members, async (member) => {
      const file = fileOf(id, member, parts);
      return { file, states: await lookAtTargets(file, factsOf(parts), parts.store) };
    });
    await placeAndRecord(placements, parts);
    await parts.batches.finish(id);
  } catch (cause) {
    const { message, hint } = toAppError(cause);
    throw new AppError('BATCH_UNPLACED', `the batch ${id} was committed, but cannot be placed: ${message}`, {
      hint: `It is tried again before each index run, and no index is published without it. ${hint}`,
      cause,
    });
  }
}

/** A member as it lies in its batch, and where it goes: decided when it came, whatever the configuration says since. */
export function fileOf(
  id: string,
  member: BatchMember,
  { batches, layout }: Pick<PlaceDecidedParts, 'batches' | 'layout'>,
): FileToPlace {
  const targets = member.targets.map(({ repository, location }) => ({
    repository,
    location,
    path: join(layout.directoryOf(repository), location),
  }));
  const signatures = new Map(
    member.targets.flatMap(({ repository }) => {
      const signature = member.signatures[repository];
      return signature === undefined ? [] : [[repository, signature] as const];
    }),
  );
  return { ...member, path: batches.pathOf(id, member.file), signatures, targets };
}

/**
 * Places every decided batch that has packages in a repository, before an index run of it looks at the packages.
 * @throws AppError BATCH_UNPLACED.
 */
export async function placeDecidedOf(
  repository: RepositoryName,
  parts: PlaceDecidedParts & { readonly takeTurns: TakeTurns },
): Promise<void> {
  try {
    // One that cannot be placed must not keep the others.
    await inParallel(parts.batches.listUnplaced(repository), (id) =>
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

/** Whoever changes a batch has this turn. */
export function batchTurn(id: string): string {
  return `batch ${id}`;
}
