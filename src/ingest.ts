import { existsSync } from 'node:fs';
import { demand } from './access/requester.ts';
import { type DescribeParts, givenSha256, placesOf } from './ingest/describe-upload.ts';
import { describeStoredPackage, type InspectedPackage, inspectPackage } from './inspect/inspect-package.ts';
import type { InspectionThreads } from './inspect/inspection-threads.ts';
import { lookAtTargets, type StoredFacts } from './place/place-package.ts';
import type { TakeTurns } from './place/take-turns.ts';
import type { RepositoryLayout, RepositoryName, Target } from './place/repository-layout.ts';
import { type FileToPlace, findReceipt, placeAndRecord, type PlaceParts } from './ingest/place-and-record.ts';
import type { SpooledUpload } from './receive/spooled-upload.ts';
import type { UploadOutcome } from './receive/upload-outcome.ts';
import type { Receipt } from './records/records.ts';
import type { UploadStage } from './serve/metrics.ts';
import type { SignaturesByRepository } from './signing/check-package-signature.ts';
import type { PackageSigner } from './signing/create-package-signer.ts';
import type { SignatureVerdict } from './signing/signature-verdict.ts';
import { chooseStoredFile, type StoredFile } from './ingest/stored-file.ts';

export interface IngestParts extends PlaceParts, DescribeParts {
  readonly layout: RepositoryLayout;
  readonly inspectionThreads: InspectionThreads;
  /** Verifies a package's signature for each repository. @throws AppError when one of them refuses it. */
  readonly checkSignature: (
    inspected: InspectedPackage & { readonly path: string },
    repositories: readonly RepositoryName[],
  ) => Promise<SignaturesByRepository>;
  /** Undefined when packages are stored as they are sent. */
  readonly signing: PackageSigner | undefined;
  readonly takeTurns: TakeTurns;
  /** Makes sure that a repository has its directory, an index and its .repo file. */
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
  /** Throws when there would be no room for the next index of these repositories. */
  readonly checkReserve: (repositories: readonly RepositoryName[]) => void;
  /** Measures one stage of an upload. */
  readonly timed: <T>(stage: UploadStage, task: () => Promise<T>) => Promise<T>;
}

/**
 * One upload's journey, from a file of ours to an acknowledged package. When this returns, the package survives a power
 * cut and its repositories are marked for reindexing; when it throws, the client may send the package again.
 * @throws AppError with the code of the rule that refused the package, or of the fault of ours.
 */
export async function ingestUpload(upload: SpooledUpload, parts: IngestParts): Promise<UploadOutcome> {
  const { targets, asSent } = await admitUpload(upload, parts);
  return parts.takeTurns(turnOf(targets), async () => {
    const stored = await chooseFile(asSent, targets, parts);
    try {
      await parts.timed('sync', () => parts.store.prepare(stored.path));
      const file = toPlace(stored, targets);
      const { isCreated, receipts } = await parts.timed('place', () => place(file, parts));
      const outcome = isCreated ? 'created' : 'unchanged';
      return { ...factsOf(file), outcome, places: placesOf(receipts, targets, parts) };
    } finally {
      await stored.discard?.();
    }
  });
}

/** An upload that no rule forbids, whatever the tree holds. */
export interface AdmittedUpload {
  readonly targets: readonly Target[];
  readonly asSent: StoredFile;
}

/** @throws AppError with the code of the rule that refused the package. */
export async function admitUpload(upload: SpooledUpload, parts: IngestParts): Promise<AdmittedUpload> {
  const { path } = upload;
  const inspected = await parts.timed('inspect', () => inspectPackage(upload, parts.inspectionThreads));
  const targets = parts.layout.targetsOf(inspected.rpm, upload.releasever);
  const repositories = targets.map(({ repository }) => repository);
  for (const repository of repositories) demand(upload.requester, { right: 'upload', in: { repository } });
  const signatures =
    findStoredVerdicts(inspected.sha256, targets, parts) ??
    (await parts.timed('signature', () => parts.checkSignature({ path, ...inspected }, repositories)));
  return { targets, asSent: { path, inspected, signatures } };
}

/** What goes into the tree of a package: what was sent, or a signed copy of it. @throws AppError as chooseStoredFile(). */
export async function chooseFile(
  asSent: StoredFile,
  targets: readonly Target[],
  parts: IngestParts,
): Promise<StoredFile> {
  const { signing } = parts;
  if (signing === undefined) return asSent;
  return chooseStoredFile(asSent, targets, { ...parts, signing, storedFacts: storedFactsOf(parts) });
}

/** Whoever places a package has this turn: two of one name would decide on what the other is about to change. */
export function turnOf(targets: readonly Target[]): string {
  return targets.map(({ path }) => path).join();
}

export function toPlace(
  { path, inspected, signatures, receivedSha256 }: StoredFile,
  targets: readonly Target[],
): FileToPlace {
  const { nevra, sha256, sizeBytes } = inspected;
  return { path, nevra, sha256, sizeBytes, receivedSha256, signatures, targets };
}

/** What is known of stored packages, for messages. */
export function storedFactsOf({ records, inspectionThreads }: IngestParts): StoredFacts {
  return {
    describe: (path) => describeStoredPackage(path, inspectionThreads),
    receivedSha256Of: ({ repository, location }) => records.receiptAt(repository, location)?.receivedSha256,
  };
}

/** What an answer says of a package besides where it is. */
export function factsOf({
  nevra,
  sha256,
  receivedSha256,
  sizeBytes,
}: Omit<FileToPlace, 'path' | 'signatures' | 'targets'>): Omit<UploadOutcome, 'outcome' | 'places'> {
  return { nevra, sha256, ...givenSha256(receivedSha256), sizeBytes };
}

/**
 * The verdicts on a package that each of its repositories has already, byte for byte: sending it again changes nothing,
 * and so needs no rule to be kept. Undefined when one of them lacks it.
 */
function findStoredVerdicts(
  sha256: string,
  targets: readonly Target[],
  { records }: IngestParts,
): SignaturesByRepository | undefined {
  // Of a package that is new the records need not be asked.
  if (!targets.every(({ path }) => existsSync(path))) return undefined;
  const verdicts = new Map<string, SignatureVerdict>();
  for (const target of targets) {
    const receipt = findReceipt(sha256, target, records);
    if (receipt === undefined) return undefined;
    verdicts.set(target.repository, receipt.signature ?? { state: 'unchecked' });
  }
  return verdicts;
}

interface Placed {
  /** True when a repository got the package; false when all of them had it. */
  readonly isCreated: boolean;
  readonly receipts: readonly Receipt[];
}

async function place(file: FileToPlace, parts: IngestParts): Promise<Placed> {
  const { sha256, targets } = file;
  const states = await lookAtTargets(file, storedFactsOf(parts), parts.store);
  const isCreated = states.some(({ holdsPackage }) => !holdsPackage);
  const known = isCreated
    ? []
    : targets.flatMap((target) => findReceipt(sha256, target, parts.records) ?? []);
  if (!isCreated && known.length === targets.length) {
    // An earlier attempt may have ended between its links and its syncs.
    await Promise.all(targets.map((target) => parts.store.sync(target.path)));
    return { isCreated, receipts: known };
  }
  const repositories = targets.map(({ repository }) => repository);
  parts.checkReserve(repositories);
  await Promise.all(repositories.map(parts.prepareRepository));
  const receipts = await parts.queue.whileMarked(repositories, () =>
    placeAndRecord([{ file, states }], parts),
  );
  return { isCreated, receipts };
}
