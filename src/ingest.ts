import { statSync } from 'node:fs';
import { demand } from './access/requester.ts';
import { AppError } from './errors.ts';
import {
  describeStoredPackage,
  digestContent,
  type InspectedPackage,
  inspectPackage,
} from './inspect/inspect-package.ts';
import type { DigestPool } from './inspect/digest-pool.ts';
import type { PackageStore } from './place/package-store.ts';
import {
  findSameContent,
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
import type { PackageSignature } from './signing/package-signature.ts';
import type { PackageSigning } from './signing/package-signing.ts';

export interface IngestParts {
  readonly layout: RepositoryLayout;
  readonly store: PackageStore;
  readonly records: Records;
  readonly queue: ReindexQueue;
  /** Hashes a large file in another thread. */
  readonly digestLarge: DigestPool['digest'];
  /** Verifies a package's signature for each repository. @throws AppError when one of them refuses it. */
  readonly checkSignature: (
    inspected: InspectedPackage & { readonly path: string },
    repositories: readonly RepositoryName[],
  ) => Promise<SignaturesByRepository>;
  /** Undefined when packages are stored as they are sent. */
  readonly signing: PackageSigning | undefined;
  readonly takeTurns: <T>(key: string, task: () => Promise<T>) => Promise<T>;
  /** Tells the next index run which package to look at. */
  readonly notePlaced: (repository: RepositoryName, location: string, sha256: string) => void;
  /** Makes sure that a repository has its directory, an index and its .repo file. */
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
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
  const received = await parts.timed('inspect', () => inspectPackage(upload, parts.digestLarge));
  const targets = parts.layout.targetsOf(received.rpm, upload.releasever);
  for (const { repository } of targets) demand(upload.requester, { right: 'upload', in: { repository } });
  const signatures = await parts.timed('signature', () =>
    parts.checkSignature(
      { path: upload.path, ...received },
      targets.map(({ repository }) => repository),
    ),
  );
  const asSent: StoredForm = { path: upload.path, inspected: received, signatures };
  const turn = targets.map(({ path }) => path).join();
  return parts.takeTurns(turn, async () => {
    const form =
      parts.signing === undefined ? asSent : await signedForm(asSent, targets, parts, parts.signing);
    try {
      await parts.timed('sync', () => parts.store.prepare(form.path));
      const isCreated = await parts.timed('place', () => place(form, targets, parts));
      const receipts = parts.records.receiptsOf(form.inspected.sha256);
      const places = placesOf(receipts, targets, parts);
      return { ...factsOf(form), outcome: isCreated ? 'created' : 'unchanged', places };
    } finally {
      await form.discard?.();
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

/** The file that is stored of an upload. */
interface StoredForm {
  readonly path: string;
  readonly inspected: InspectedPackage;
  readonly signatures: SignaturesByRepository;
  /** When it is not the file that was sent. */
  readonly receivedSha256?: string;
  /** Removes the file's name, when it is one of its own. */
  readonly discard?: () => Promise<void>;
}

/**
 * What is stored of a package where packages are signed: the file that is stored of it already, itself when a key of
 * ours signed it before, or a signed copy. No record is asked: a crash may have come before it was written.
 * @throws AppError PACKAGE_CONFLICT, PACKAGE_NOT_SIGNABLE, PACKAGE_SIGNING_FAILED, SIGNING_TOOL_*.
 */
async function signedForm(
  asSent: StoredForm,
  targets: readonly Target[],
  parts: IngestParts,
  signing: PackageSigning,
): Promise<StoredForm> {
  const { path, inspected } = asSent;
  const contentSha256 = await digestContent(path);
  const stored = await findSameContent(targets, contentSha256, digestContent);
  if (stored !== undefined) return ownForm(stored, asSent, parts, signing);
  // Nothing is signed in vain, and the message has the digest that the client knows.
  await lookAtTargets({ path, ...inspected, targets }, storedFacts(parts), parts.store);
  const own = await signing.verify({ path, ...inspected });
  if (own.state === 'good') return { ...asSent, signatures: signaturesOf(asSent, () => own) };
  const { path: signedPath, discard } = await parts.timed('sign', () => signing.sign({ path, ...inspected }));
  try {
    const form = await ownForm(signedPath, asSent, parts, signing);
    await checkSigned(form, contentSha256);
    return { ...form, discard };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** Describes a file of ours with the content of what was sent, its signature as our own keys see it. */
async function ownForm(
  path: string,
  asSent: StoredForm,
  parts: IngestParts,
  signing: PackageSigning,
): Promise<StoredForm> {
  const { sha256: receivedSha256 } = asSent.inspected;
  const file = { path, sizeBytes: statSync(path).size, sha256: undefined, expectedDigests: [] };
  const inspected = await inspectPackage(file, parts.digestLarge);
  if (inspected.sha256 === receivedSha256) return { ...asSent, path };
  const own = await signing.verify({ path, ...inspected });
  const signatures = signaturesOf(asSent, (received) => ({ ...own, received }));
  return { path, inspected, signatures, receivedSha256 };
}

function signaturesOf(
  { signatures }: StoredForm,
  change: (received: PackageSignature) => PackageSignature,
): SignaturesByRepository {
  return new Map([...signatures].map(([repository, received]) => [repository, change(received)]));
}

/** rpmsign ended well, but only what is proved counts. */
async function checkSigned(
  { path, inspected: { nevra }, signatures }: StoredForm,
  contentSha256: string | undefined,
): Promise<void> {
  const isGood = [...signatures.values()].every(({ state }) => state === 'good');
  if (isGood && (await digestContent(path)) === contentSha256) return;
  throw new AppError('PACKAGE_SIGNING_FAILED', `rpmsign did not give ${nevra} a good signature`, {
    hint: 'Nothing was stored. Try rpmsign and "rpmkeys -Kv" on the server by hand.',
  });
}

/** True when a repository got the package; false when all of them had it. */
async function place(form: StoredForm, targets: readonly Target[], parts: IngestParts): Promise<boolean> {
  const { path, inspected } = form;
  const { nevra, sha256, sizeBytes } = inspected;
  const incoming: IncomingPackage = { path, nevra, sha256, sizeBytes, targets };
  const states = await lookAtTargets(incoming, storedFacts(parts), parts.store);
  const isCreated = states.some(({ holdsPackage }) => !holdsPackage);
  if (!isCreated && isAcknowledged(incoming, parts.records)) {
    // An earlier attempt may have ended between its links and its syncs.
    await Promise.all(targets.map((target) => parts.store.sync(target.path)));
    return false;
  }
  const repositories = targets.map(({ repository }) => repository);
  await Promise.all(repositories.map(parts.prepareRepository));
  await parts.queue.whileMarked(repositories, async () => {
    await placePackage(incoming, states, parts.store);
    for (const { repository, location } of targets) parts.notePlaced(repository, location, sha256);
    // What was set aside under this name was another file.
    for (const { target } of states.filter(({ holdsPackage }) => !holdsPackage)) {
      parts.records.takeBack(target.repository, target.location);
    }
    parts.records.saveReceipts(newReceipts(form, states, parts));
  });
  return isCreated;
}

function factsOf({ inspected, receivedSha256 }: StoredForm): Omit<UploadOutcome, 'outcome' | 'places'> {
  const { nevra, sha256, sizeBytes } = inspected;
  return { nevra, sha256, ...givenSha256(receivedSha256), sizeBytes };
}

function givenSha256(receivedSha256: string | undefined): { readonly receivedSha256?: string } {
  return receivedSha256 === undefined ? {} : { receivedSha256 };
}

function storedFacts({ records }: IngestParts): StoredFacts {
  return {
    describe: describeStoredPackage,
    receivedSha256Of: ({ repository, location }) => records.receiptAt(repository, location)?.receivedSha256,
  };
}

function isAcknowledged({ sha256, targets }: IncomingPackage, records: Records): boolean {
  const known = new Set(records.receiptsOf(sha256).map(({ repository }) => repository));
  return targets.every(({ repository }) => known.has(repository));
}

function newReceipts(
  { inspected, signatures, receivedSha256 }: StoredForm,
  states: readonly TargetState[],
  { now }: IngestParts,
): readonly Receipt[] {
  const { nevra, sha256, sizeBytes } = inspected;
  return states.map(({ target: { repository, location } }) => ({
    repository,
    location,
    sha256,
    nevra,
    sizeBytes,
    placedAtMs: now(),
    publishedAtMs: undefined,
    receivedSha256,
    signature: signatures.get(repository),
  }));
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
