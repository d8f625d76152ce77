import { nameOwner } from '../trust/requester.ts';
import { admitUpload } from './ingest/admit-upload.ts';
import { chooseFile, toOutcomeFacts, toPlace, findUploadWarnings } from './ingest/choose-file.ts';
import { describePlaces } from './describe-upload.ts';
import type { IngestParts } from './ingest-parts.ts';
import { takeAllTurns } from './ingest/take-all-turns.ts';
import type { SpooledUpload } from './spooled-upload.ts';
import type { UploadOutcome } from '../api/upload-outcome.ts';
import { findReceipt } from '../storage/find-receipt.ts';
import { isDamagedThere } from '../storage/is-damaged-there.ts';
import type { FileToPlace } from '../storage/places.ts';
import type { Receipt } from '../storage/records.ts';

/**
 * One upload's way, from a file in incoming to an acknowledged package. When this returns, the package survives a power
 * cut and its repositories are marked for reindexing; when it throws, the client may send the package again.
 * @throws AppError with the code of the rule that refused the package, or of a fault of the service.
 */
export async function ingestUpload(upload: SpooledUpload, parts: IngestParts): Promise<UploadOutcome> {
  const { targets, asSent } = await admitUpload(upload, parts);
  return takeAllTurns(targets, parts.takeTurns, async () => {
    const stored = await chooseFile(asSent, targets, parts);
    try {
      await parts.timed('sync', () => parts.places.prepare(stored.path));
      const file = toPlace(stored, targets);
      const owner = nameOwner(upload.requester);
      const { isCreated, receipts } = await parts.timed('place', () => place(file, owner, parts));
      const outcome = isCreated ? 'created' : 'unchanged';
      const facts = toOutcomeFacts({ ...file, ...findUploadWarnings(stored, targets, parts) });
      return { ...facts, outcome, places: await describePlaces(receipts, targets, parts) };
    } finally {
      await stored.discard?.();
    }
  });
}

interface Placed {
  /** True when a repository got the package; false when all of them had it. */
  readonly isCreated: boolean;
  readonly receipts: readonly Receipt[];
}

async function place(file: FileToPlace, owner: string, parts: IngestParts): Promise<Placed> {
  const { sha256, targets } = file;
  const states = await parts.places.look(file);
  const isCreated = states.some(({ holdsPackage }) => !holdsPackage);
  const known = isCreated
    ? []
    : (await Promise.all(targets.map((target) => findReceipt(sha256, target, parts.records)))).filter(
        (receipt) => receipt !== undefined,
      );
  // One that was damaged and is right again needs an index run.
  const isMended = (
    await Promise.all(targets.map((target) => isDamagedThere(target, parts.records)))
  ).includes(true);
  if (!isCreated && !isMended && known.length === targets.length) {
    // The service synced the file before it wrote the receipt; a person may have removed the file since, and put it back.
    await parts.places.confirm(targets);
    return { isCreated, receipts: known };
  }
  const repositories = targets.map(({ repository }) => repository);
  parts.demandReserve(repositories);
  await parts.admitRepositories(repositories, owner);
  await Promise.all(repositories.map(parts.prepareRepository));
  const receipts = await parts.places.place([{ file, states }]);
  return { isCreated, receipts };
}
