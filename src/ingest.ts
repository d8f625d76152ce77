import { AppError } from './errors.ts';
import { describeStoredPackage, type InspectedPackage, inspectPackage } from './inspect/inspect-package.ts';
import type { InspectionThreads } from './inspect/inspection-threads.ts';
import type { PackageStore } from './place/package-store.ts';
import {
  type IncomingPackage,
  lookAtTargets,
  placePackage,
  type TargetState,
} from './place/place-package.ts';
import type { RepositoryLayout, RepositoryName, Target } from './place/repository-layout.ts';
import type { SpooledUpload } from './receive/spooled-upload.ts';
import type { UploadOutcome, UploadPlace } from './receive/upload-outcome.ts';
import type { Receipt, Records } from './records/records.ts';
import type { ReindexQueue } from './reindex/reindex-queue.ts';

export interface IngestParts {
  readonly layout: RepositoryLayout;
  readonly store: PackageStore;
  readonly records: Records;
  readonly queue: ReindexQueue;
  readonly inspectionThreads: InspectionThreads;
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
  readonly timed: <T>(stage: 'inspect' | 'sync' | 'place', task: () => Promise<T>) => Promise<T>;
  readonly now: () => number;
}

/**
 * One upload's journey, from a file of ours to an acknowledged package. When this returns, the package survives a power
 * cut and its repositories are marked for reindexing; when it throws, the client may send the package again.
 * @throws AppError with the code of the rule that refused the package, or of the fault of ours.
 */
export async function ingestUpload(upload: SpooledUpload, parts: IngestParts): Promise<UploadOutcome> {
  const inspected = await parts.timed('inspect', () => inspectPackage(upload, parts.inspectionThreads));
  const targets = parts.layout.targetsOf(inspected.rpm, upload.releasever);
  await parts.timed('sync', () => parts.store.prepare(upload.path));
  const turn = targets.map(({ path }) => path).join();
  const isCreated = await parts.takeTurns(turn, () =>
    parts.timed('place', () => place(upload.path, inspected, targets, parts)),
  );
  // A package that is new cannot be in an index yet.
  const receipts = isCreated ? [] : parts.records.receiptsOf(inspected.sha256);
  const places = placesOf(receipts, targets, parts);
  return { ...factsOf(inspected), outcome: isCreated ? 'created' : 'unchanged', places };
}

/** What became of the package with this digest; undefined when none was acknowledged. */
export function describeUpload(sha256: string, parts: IngestParts): UploadOutcome | undefined {
  const receipts = parts.records.receiptsOf(sha256);
  const [first] = receipts;
  if (first === undefined) return undefined;
  const { nevra, sizeBytes } = first;
  return { outcome: 'known', nevra, sha256, sizeBytes, places: placesOf(receipts, receipts, parts) };
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

/** True when a repository got the package; false when all of them had it. */
async function place(
  path: string,
  inspected: InspectedPackage,
  targets: readonly Target[],
  parts: IngestParts,
): Promise<boolean> {
  const incoming: IncomingPackage = { path, ...factsOf(inspected), targets };
  const states = await lookAtTargets(
    incoming,
    (stored) => describeStoredPackage(stored, parts.inspectionThreads),
    parts.store,
  );
  const isCreated = states.some(({ holdsPackage }) => !holdsPackage);
  if (!isCreated && isAcknowledged(incoming, parts.records)) {
    // An earlier attempt may have ended between its links and its syncs.
    await Promise.all(targets.map((target) => parts.store.sync(target.path)));
    return false;
  }
  const repositories = targets.map(({ repository }) => repository);
  parts.checkReserve(repositories);
  await Promise.all(repositories.map(parts.prepareRepository));
  await parts.queue.whileMarked(repositories, async () => {
    await placePackage(incoming, states, parts.store);
    for (const { repository, location } of targets) parts.notePlaced(repository, location, inspected.sha256);
    // What was set aside under this name was another file.
    for (const { target } of states.filter(({ holdsPackage }) => !holdsPackage)) {
      parts.records.takeBack(target.repository, target.location);
    }
    parts.records.saveReceipts(newReceipts(incoming, states, parts));
  });
  return isCreated;
}

function factsOf({ nevra, sha256, sizeBytes }: InspectedPackage): Omit<UploadOutcome, 'outcome' | 'places'> {
  return { nevra, sha256, sizeBytes };
}

function isAcknowledged({ sha256, targets }: IncomingPackage, records: Records): boolean {
  const known = new Set(records.receiptsOf(sha256).map(({ repository }) => repository));
  return targets.every(({ repository }) => known.has(repository));
}

function newReceipts(
  { nevra, sha256, sizeBytes }: IncomingPackage,
  states: readonly TargetState[],
  { now }: IngestParts,
): readonly Receipt[] {
  return states.map(({ target: { repository, location } }) => ({
    repository,
    location,
    sha256,
    nevra,
    sizeBytes,
    placedAtMs: now(),
    publishedAtMs: undefined,
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
    if (receipt?.publishedAtMs !== undefined) return { repository, location, url, state: 'published' };
    const reason = records.setAsideReason(repository, location);
    if (reason === undefined) return { repository, location, url, state: 'waiting' };
    return { repository, location, url, state: 'set-aside', reason };
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
