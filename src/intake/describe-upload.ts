import { packageSetAside } from '../api/package-set-aside.ts';
import { AppError } from '../errors.ts';
import type { UploadOutcome, UploadPlace } from '../api/upload-outcome.ts';
import type { PackageFault, Receipt, Records } from '../storage/records.ts';
import type { IndexQueue } from '../storage/index-queue.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

export interface DescribeParts {
  readonly records: Records;
  readonly queue: IndexQueue;
  /** Without a slash at its end. */
  readonly publicUrl: string;
}

/**
 * What became of the package with this digest, in the repositories that the client may read: the others are left out,
 * also by the digest of a copy that was signed for them. Undefined when none of these acknowledged it.
 */
export async function describeUpload(
  sha256: string,
  mayRead: (repository: RepositoryName) => boolean,
  parts: Pick<DescribeParts, 'records' | 'publicUrl'>,
): Promise<UploadOutcome | undefined> {
  const { records } = parts;
  const readable = (receipts: readonly Receipt[]): readonly Receipt[] =>
    receipts.filter(({ repository }) => mayRead(repository));
  const known = readable(await records.receiptsOf(sha256));
  const receipts = known.length > 0 ? known : readable(await records.receiptsOfReceived(sha256));
  const [first] = receipts;
  if (first === undefined) return undefined;
  const { nevra, sizeBytes, receivedSha256 } = first;
  const places = await describePlaces(receipts, receipts, parts);
  return { outcome: 'known', nevra, sha256: first.sha256, ...givenSha256(receivedSha256), sizeBytes, places };
}

/**
 * Answers when hosts can install the package from every repository it went to, or 'pending' when the time is up first.
 * @throws AppError PACKAGE_SET_ASIDE, PACKAGE_DAMAGED, or the code of the index run that failed.
 */
export async function waitUntilInstallable(
  outcome: UploadOutcome,
  waitMs: number,
  parts: DescribeParts,
): Promise<UploadOutcome | 'pending'> {
  await refuseSetAside(outcome, parts);
  const waiting = waitingIn(outcome);
  if (waiting.length === 0) return outcome;
  const result = await whenPublished(outcome, { waiting, waitMs }, parts);
  const places = await describePlaces(await parts.records.receiptsOf(outcome.sha256), outcome.places, parts);
  const settled = { ...outcome, places };
  await refuseSetAside(settled, parts);
  // The index was published without it: the file was removed meanwhile.
  const isInstallable = places.every(({ state }) => state === 'published');
  return result === 'pending' || !isInstallable ? 'pending' : settled;
}

/** A failed run takes nothing back: the client must not take its error for that of the upload. */
async function whenPublished(
  { nevra }: UploadOutcome,
  { waiting, waitMs }: { readonly waiting: readonly RepositoryName[]; readonly waitMs: number },
  { queue }: Pick<DescribeParts, 'queue'>,
): Promise<'published' | 'pending'> {
  try {
    return await queue.whenPublished(waiting, waitMs);
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const { code, message, hint, details } = cause;
    throw new AppError(code, `${nevra} is stored, not published yet: ${message}`, { hint, cause, details });
  }
}

/** The same for a client that may upload to these repositories: their quiet time ends. */
export async function hurryUntilInstallable(
  outcome: UploadOutcome,
  waitMs: number,
  parts: DescribeParts,
): Promise<UploadOutcome | 'pending'> {
  parts.queue.hurry(waitingIn(outcome));
  return waitUntilInstallable(outcome, waitMs, parts);
}

/** The state of a package in each of these repositories. */
export async function describePlaces(
  receipts: readonly Receipt[],
  wanted: readonly { readonly repository: RepositoryName; readonly location: string }[],
  { records, publicUrl }: Pick<DescribeParts, 'records' | 'publicUrl'>,
): Promise<readonly UploadPlace[]> {
  const places = wanted.map(async ({ repository, location }): Promise<UploadPlace> => {
    const url = `${publicUrl}/repo/${encodeURI(`${repository}/${location}`)}`;
    const receipt = receipts.find((one) => one.repository === repository && one.location === location);
    const signature = receipt?.signature === undefined ? {} : { signature: receipt.signature };
    if (receipt?.publishedAtMs !== undefined)
      return { repository, location, url, state: 'published', ...signature };
    const reason = await records.setAsideReason(repository, location);
    if (reason === undefined) return { repository, location, url, state: 'waiting', ...signature };
    return { repository, location, url, state: 'set-aside', reason, ...signature };
  });
  return Promise.all(places);
}

/** For answers: only there when the service signs packages. */
export function givenSha256(receivedSha256: string | undefined): { readonly receivedSha256?: string } {
  return receivedSha256 === undefined ? {} : { receivedSha256 };
}

function waitingIn({ places }: UploadOutcome): readonly RepositoryName[] {
  return places.filter(({ state }) => state === 'waiting').map(({ repository }) => repository);
}

/** @throws AppError PACKAGE_SET_ASIDE, PACKAGE_DAMAGED. */
async function refuseSetAside({ nevra, places }: UploadOutcome, { records }: DescribeParts): Promise<void> {
  for (const { repository, location, state } of places) {
    const fault = state === 'waiting' ? await records.packageFaultAt(repository, location) : undefined;
    if (fault?.code === 'PACKAGE_DAMAGED') throw damaged(nevra, fault);
  }
  const aside = places.find(({ state }) => state === 'set-aside');
  if (aside === undefined) return;
  const { repository, location, reason } = aside;
  const { detail, hint } = packageSetAside({ nevra, repository, reason });
  throw new AppError('PACKAGE_SET_ASIDE', detail, { hint, details: { repository, location } });
}

function damaged(nevra: string, { repository, location, reason }: PackageFault): AppError {
  return new AppError(
    'PACKAGE_DAMAGED',
    `the file of ${nevra} in ${repository} was damaged before it was published: ${reason}`,
    {
      hint: 'Send the package again: it takes the place of the damaged file.',
      details: { repository, location },
    },
  );
}
