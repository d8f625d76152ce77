import type { RepositoryName } from '../../rpm/repository-name.ts';
import type { PackageStore } from '../../storage/package-store.ts';
import { inParallel } from '../../base/turns/in-parallel.ts';
import { type IncomingPackage, placePackage, type TargetState } from '../place/place-package.ts';
import type { Target } from '../../storage/repository-layout.ts';
import type { Receipt, Records } from '../../storage/records.ts';
import type { SignaturesByRepository } from '../../trust/check-package-signature.ts';
import type { PlacedPackage } from '../../storage/package-names.ts';

/** A package that is to go into the tree, and what is to be remembered of it. */
export interface FileToPlace extends IncomingPackage {
  /** When it is not the file that was sent. */
  readonly receivedSha256?: string | undefined;
  readonly signatures: SignaturesByRepository;
}

export interface PlaceParts {
  readonly store: PackageStore;
  readonly records: Records;
  /** Tells the next index run which package to look at. */
  readonly notePlaced: (repository: RepositoryName, placed: PlacedPackage) => void;
  readonly now: () => number;
}

/**
 * Links packages into their targets, durably, and writes their receipts. The repositories carry their marks.
 * @param states of each file, as they were looked at.
 */
export async function placeAndRecord(
  placements: readonly { readonly file: FileToPlace; readonly states: readonly TargetState[] }[],
  parts: PlaceParts,
): Promise<readonly Receipt[]> {
  const { store, records } = parts;
  const placed = await inParallel(placements, async ({ file, states }) => ({
    file,
    states,
    steps: await placePackage(file, states, store),
  }));
  for (const { file, states, steps } of placed) {
    for (const { target, holdsPackage } of states) {
      const { repository, location } = target;
      parts.notePlaced(repository, { location, sha256: file.sha256, step: steps.get(target) });
      // What was set aside under this name was another file.
      if (!holdsPackage) records.takeBack(repository, location);
      // The file has the acknowledged bytes now, whoever put them there.
      if (isDamaged(target, records)) records.endPackageFaults(repository, [location]);
    }
  }
  const receipts = placements.flatMap(({ file, states }) => receiptsFor(file, states, parts));
  records.saveReceipts(receipts);
  return receipts;
}

/** Whether an index run found other bytes than the acknowledged ones there. */
export function isDamaged(
  { repository, location }: Pick<Target, 'repository' | 'location'>,
  records: Records,
): boolean {
  return records.packageFaultAt(repository, location)?.code === 'PACKAGE_DAMAGED';
}

/** What was acknowledged of these very bytes at this place. */
export function findReceipt(
  sha256: string,
  { repository, location }: Pick<Target, 'repository' | 'location'>,
  records: Records,
): Receipt | undefined {
  const receipt = records.receiptAt(repository, location);
  return receipt?.sha256 === sha256 ? receipt : undefined;
}

function receiptsFor(
  { nevra, sha256, sizeBytes, signatures, receivedSha256 }: FileToPlace,
  states: readonly TargetState[],
  { records, now }: PlaceParts,
): readonly Receipt[] {
  return states.map(({ target, holdsPackage, isReplaced }) => {
    const { repository, location } = target;
    // What became of it there is still so, and so is what it was when it was first sent.
    const receipt = holdsPackage || isReplaced ? findReceipt(sha256, target, records) : undefined;
    return (
      receipt ?? {
        repository,
        location,
        sha256,
        nevra,
        sizeBytes,
        placedAtMs: now(),
        publishedAtMs: undefined,
        receivedSha256,
        signature: signatures.get(repository),
      }
    );
  });
}
