import { existsSync } from 'node:fs';
import { demand } from './access/requester.ts';
import { AppError } from './errors.ts';
import { describeStoredPackage, type InspectedPackage, inspectPackage } from './inspect/inspect-package.ts';
import type { InspectionThreads } from './inspect/inspection-threads.ts';
import type { PackageStore } from './place/package-store.ts';
import {
  type IncomingPackage,
  lookAtTargets,
  placePackage,
  type StoredFacts,
  type TargetState,
} from './place/place-package.ts';
import type { RepositoryLayout, RepositoryName, Target } from './place/repository-layout.ts';
import type { SpooledUpload } from './receive/spooled-upload.ts';
import type { UploadOutcome, UploadPlace } from './receive/upload-outcome.ts';
import type { Receipt, Records } from './records/records.ts';
import type { ReindexQueue } from './reindex/reindex-queue.ts';
import type { UploadStage } from './serve/metrics.ts';
import type { SignaturesByRepository } from './signing/check-package-signature.ts';
import type { PackageSigner } from './signing/create-package-signer.ts';
import type { SignatureVerdict } from './signing/signature-verdict.ts';
import { chooseStoredFile, type StoredFile } from './stored-file.ts';

export interface IngestParts {
  readonly layout: RepositoryLayout;
  readonly store: PackageStore;
  readonly records: Records;
  readonly queue: ReindexQueue;
  readonly inspectionThreads: InspectionThreads;
  /** Verifies a package's signature for each repository. @throws AppError when one of them refuses it. */
  readonly checkSignature: (
    inspected: InspectedPackage & { readonly path: string },
    repositories: readonly RepositoryName[],
  ) => Promise<SignaturesByRepository>;
  /** Undefined when packages are stored as they are sent. */
  readonly signing: PackageSigner | undefined;
  readonly takeTurns: <T>(key: string, task: () => Promise<T>) => Promise<T>;
  /** Tells the next index run which package to look at. */
  readonly notePlaced: (repository: RepositoryName, location: string, sha256: string) => void;
  /** Makes sure that a repository has its directory, an index and its .repo file. */
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
  /** Throws when there would be no room for the next index of these repositories. */
  readonly checkReserve: (repositories: readonly RepositoryName[]) => void;
  /** Without a slash at its end. */
  readonly publicUrl: string;
  /** Measures one stage of an upload. */
  readonly timed: <T>(stage: UploadStage, task: () => Promise<T>) => Promise<T>;
  readonly now: () => number;
}

/**
 * One upload's journey, from a file of ours to an acknowledged package. When this returns, the package survives a power
 * cut and its repositories are marked for reindexing; when it throws, the client may send the package again.
 * @throws AppError with the code of the rule that refused the package, or of the fault of ours.
 */
export async function ingestUpload(upload: SpooledUpload, parts: IngestParts): Promise<UploadOutcome> {
  const received = await parts.timed('inspect', () => inspectPackage(upload, parts.inspectionThreads));
  const targets = parts.layout.targetsOf(received.rpm, upload.releasever);
  const repositories = targets.map(({ repository }) => repository);
  for (const repository of repositories) demand(upload.requester, { right: 'upload', in: { repository } });
  const signatures =
    findStoredVerdicts(received.sha256, targets, parts) ??
    (await parts.timed('signature', () =>
      parts.checkSignature({ path: upload.path, ...received }, repositories),
    ));
  const asSent: StoredFile = { path: upload.path, inspected: received, signatures };
  const turn = targets.map(({ path }) => path).join();
  return parts.takeTurns(turn, async () => {
    const { signing } = parts;
    const file =
      signing === undefined
        ? asSent
        : await chooseStoredFile(asSent, targets, { ...parts, signing, storedFacts: storedFacts(parts) });
    try {
      await parts.timed('sync', () => parts.store.prepare(file.path));
      const { isCreated, receipts } = await parts.timed('place', () => place(file, targets, parts));
      const places = placesOf(receipts, targets, parts);
      return { ...factsOf(file), outcome: isCreated ? 'created' : 'unchanged', places };
    } finally {
      await file.discard?.();
    }
  });
}

/** What became of the package with this digest; undefined when none was acknowledged. */
export function describeUpload(sha256: string, parts: IngestParts): UploadOutcome | undefined {
  const { records } = parts;
  const known = records.receiptsOf(sha256);
  const receipts = known.length > 0 ? known : records.receiptsOfReceived(sha256);
  const [first] = receipts;
  if (first === undefined) return undefined;
  const { nevra, sizeBytes, receivedSha256 } = first;
  const places = placesOf(receipts, receipts, parts);
  return { outcome: 'known', nevra, sha256: first.sha256, ...givenSha256(receivedSha256), sizeBytes, places };
}

/**
 * Answers when hosts can install the package from every repository it went to, or 'pending' when the time is up first.
 * @throws AppError PACKAGE_SET_ASIDE, or the code of the index run that failed.
 */
export async function waitUntilInstallable(
  outcome: UploadOutcome,
  waitMs: number,
  parts: IngestParts,
): Promise<UploadOutcome | 'pending'> {
  refuseSetAside(outcome);
  const waiting = outcome.places.filter(({ state }) => state === 'waiting');
  if (waiting.length === 0) return outcome;
  const result = await parts.queue.whenPublished(
    waiting.map(({ repository }) => repository),
    waitMs,
  );
  const places = placesOf(parts.records.receiptsOf(outcome.sha256), outcome.places, parts);
  const settled = { ...outcome, places };
  refuseSetAside(settled);
  // Published without it: somebody removed the file meanwhile.
  const isInstallable = places.every(({ state }) => state === 'published');
  return result === 'pending' || !isInstallable ? 'pending' : settled;
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

async function place(file: StoredFile, targets: readonly Target[], parts: IngestParts): Promise<Placed> {
  const { path, inspected } = file;
  const { nevra, sha256, sizeBytes } = inspected;
  const incoming: IncomingPackage = { path, nevra, sha256, sizeBytes, targets };
  const states = await lookAtTargets(incoming, storedFacts(parts), parts.store);
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
  const receipts = await parts.queue.whileMarked(repositories, async () => {
    await placePackage(incoming, states, parts.store);
    for (const { repository, location } of targets) parts.notePlaced(repository, location, sha256);
    // What was set aside under this name was another file.
    for (const { target } of states.filter(({ holdsPackage }) => !holdsPackage)) {
      parts.records.takeBack(target.repository, target.location);
    }
    const saved = receiptsFor(file, states, parts);
    parts.records.saveReceipts(saved);
    return saved;
  });
  return { isCreated, receipts };
}

function factsOf({ inspected, receivedSha256 }: StoredFile): Omit<UploadOutcome, 'outcome' | 'places'> {
  const { nevra, sha256, sizeBytes } = inspected;
  return { nevra, sha256, ...givenSha256(receivedSha256), sizeBytes };
}

function givenSha256(receivedSha256: string | undefined): { readonly receivedSha256?: string } {
  return receivedSha256 === undefined ? {} : { receivedSha256 };
}

function storedFacts({ records, inspectionThreads }: IngestParts): StoredFacts {
  return {
    describe: (path) => describeStoredPackage(path, inspectionThreads),
    receivedSha256Of: ({ repository, location }) => records.receiptAt(repository, location)?.receivedSha256,
  };
}

/** What was acknowledged of these very bytes at this place. */
function findReceipt(
  sha256: string,
  { repository, location }: Pick<Target, 'repository' | 'location'>,
  records: Records,
): Receipt | undefined {
  const receipt = records.receiptAt(repository, location);
  return receipt?.sha256 === sha256 ? receipt : undefined;
}

function receiptsFor(
  { inspected, signatures, receivedSha256 }: StoredFile,
  states: readonly TargetState[],
  { records, now }: IngestParts,
): readonly Receipt[] {
  const { nevra, sha256, sizeBytes } = inspected;
  return states.map(({ target, holdsPackage }) => {
    const { repository, location } = target;
    // What became of it there is still so, and so is what it was when it was first sent.
    const receipt = holdsPackage ? findReceipt(sha256, target, records) : undefined;
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

/** The state of a package in each of these repositories. */
function placesOf(
  receipts: readonly Receipt[],
  wanted: readonly { readonly repository: string; readonly location: string }[],
  { records, publicUrl }: IngestParts,
): readonly UploadPlace[] {
  return wanted.map(({ repository, location }) => {
    const url = `${publicUrl}/repo/${encodeURI(`${repository}/${location}`)}`;
    const receipt = receipts.find((one) => one.repository === repository && one.location === location);
    const signature = receipt?.signature === undefined ? {} : { signature: receipt.signature };
    if (receipt?.publishedAtMs !== undefined)
      return { repository, location, url, state: 'published', ...signature };
    const reason = records.setAsideReason(repository, location);
    if (reason === undefined) return { repository, location, url, state: 'waiting', ...signature };
    return { repository, location, url, state: 'set-aside', reason, ...signature };
  });
}

function refuseSetAside({ nevra, places }: UploadOutcome): void {
  const aside = places.find(({ state }) => state === 'set-aside');
  if (aside === undefined) return;
  throw new AppError(
    'PACKAGE_SET_ASIDE',
    `${nevra} is stored in ${aside.repository} but kept out of its index: ${aside.reason}`,
    {
      hint: 'Correct the package and upload it with a higher release number.',
      details: { repository: aside.repository, location: aside.location },
    },
  );
}
