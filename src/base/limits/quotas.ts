import { AppError } from '../../errors.ts';

/** How many of something one owner may have, and all owners together. */
export interface OwnerQuota {
  readonly each: number;
  readonly together: number;
}

/**
 * What clients may leave on the server. An owner is a token, a key, the drop directory, or all clients where there are no
 * access rules. Honest use stays far below each number; `together` is ten times `each`, so that one owner cannot keep the
 * others from working, and bounds memory, disk and the time of a start. No option: an administrator could not choose better numbers.
 */
export const QUOTAS = {
  /** A farm of build machines whose line breaks all day leaves some dozens behind, which go after a day. */
  unfinishedUploads: { each: 500, together: 5_000 },
  /**
   * The service remembers of an accepted upload only that it was accepted: a client whose answer was lost asks within
   * minutes.
   */
  acceptedUploads: { each: 1_000, together: 10_000 },
  /** Builds that run at the same time, and those that ended without a commit in the last days. */
  stagedBatches: { each: 500, together: 5_000 },
  /** A client whose answer to a commit was lost asks within minutes. */
  committedBatches: { each: 1_000, together: 10_000 },
  /** The largest source packages, such as texlive, have 7,000 packages. */
  membersOfBatch: 10_000,
  /** Repositories of distributions have up to ten; with one for each language some dozens. */
  metadataTypes: 64,
  /** Every index run, every answer of the API and every hour goes through all repositories. */
  repositories: 2_000,
  /** Of an owner in 24 hours: a distribution's release is half a dozen, a whole site with all that it ever had some dozens. */
  newRepositoriesADay: 200,
} as const satisfies Readonly<Record<string, OwnerQuota | number>>;

/** The refusal of one thing more than a quota allows. */
export function quotaReached(fields: {
  /** The quota's name in QUOTAS. */
  readonly quota: keyof typeof QUOTAS;
  readonly limit: number;
  /** Who or what has reached the limit, in words. */
  readonly detail: string;
  readonly hint: string;
}): AppError {
  const { quota, limit, detail, hint } = fields;
  return new AppError('QUOTA_REACHED', detail, { hint, details: { quota, limit } });
}
