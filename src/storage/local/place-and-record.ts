import { inParallel } from '../../base/turns/in-parallel.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';
import { findReceipt } from '../find-receipt.ts';
import type { PlacedPackage } from '../package-names.ts';
import { isDamagedThere } from '../is-damaged-there.ts';
import type { Placement } from '../places.ts';
import type { Receipt, Records } from '../records.ts';
import type { PackageFiles } from './package-files.ts';
import { placePackage } from './place-package.ts';

export interface PlaceParts {
  readonly files: PackageFiles;
  readonly records: Records;
  /** Tells the next index run which package to look at. */
  readonly notePlaced: (repository: RepositoryName, placed: PlacedPackage) => void;
  readonly now: () => number;
}

/**
 * Links packages into their targets, durably, and writes their receipts. The repositories carry their marks.
 * @param states of each file, as lookAtTargets found them.
 */
export async function placeAndRecord(
  placements: readonly Placement[],
  parts: PlaceParts,
): Promise<readonly Receipt[]> {
  const { files, records } = parts;
  const placed = await inParallel(placements, async ({ file, states }) => ({
    file,
    states,
    steps: await placePackage(file, states, files),
  }));
  for (const { file, states, steps } of placed) {
    for (const { target, holdsPackage } of states) {
      const { repository, location } = target;
      parts.notePlaced(repository, { location, sha256: file.sha256, step: steps.get(target) });
      // What was set aside under this name was another file.
      if (!holdsPackage) await records.takeBack(repository, location);
      // The file has the acknowledged bytes now; who put them there does not matter.
      if (await isDamagedThere(target, records)) await records.endPackageFaults(repository, [location]);
    }
  }
  const receipts = (
    await Promise.all(placements.map(({ file, states }) => receiptsFor(file, states, parts)))
  ).flat();
  await records.saveReceipts(receipts);
  return receipts;
}

function receiptsFor(
  { nevra, sha256, sizeBytes, signatures, receivedSha256 }: Placement['file'],
  states: Placement['states'],
  { records, now }: PlaceParts,
): Promise<readonly Receipt[]> {
  const receipts = states.map(async ({ target, holdsPackage, isReplaced }) => {
    const { repository, location } = target;
    // The former receipt stays true: what became of the package there, and what it was when it was first sent.
    const receipt = holdsPackage || isReplaced ? await findReceipt(sha256, target, records) : undefined;
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
  return Promise.all(receipts);
}
