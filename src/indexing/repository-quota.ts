import { quotaReached, QUOTAS } from '../base/limits/quotas.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

export interface RepositoryQuotaOptions {
  /** Whether a repository is there. */
  readonly isKnown: (repository: RepositoryName) => Promise<boolean>;
  /** The names of all that are there; asked when one is to be made. */
  readonly listKnown: () => readonly RepositoryName[];
  readonly now: () => number;
  readonly quota?: { readonly eachPerDay: number; readonly together: number };
}

/** Lets an owner make those of the repositories that are not there yet. @throws AppError QUOTA_REACHED. */
export type AdmitRepositories = (repositories: readonly RepositoryName[], owner: string) => Promise<void>;

const DAY_MS = 24 * 3_600_000;
const FROM_QUOTAS = { eachPerDay: QUOTAS.newRepositoriesADay, together: QUOTAS.repositories };

/**
 * A repository that it admits counts for a day, also when no package comes: requests that arrive at the same time would
 * otherwise all be admitted before the first repository is there.
 */
export function createRepositoryQuota({
  isKnown,
  listKnown,
  now,
  quota = FROM_QUOTAS,
}: RepositoryQuotaOptions): AdmitRepositories {
  /** In the order of coming. */
  const admitted = new Map<RepositoryName, { readonly owner: string; readonly atMs: number }>();

  return async (repositories, owner) => {
    const isThere = await Promise.all(repositories.map(isKnown));
    // From here on in one turn: no other request is admitted meanwhile.
    const fresh = repositories.filter((repository, index) => !isThere[index] && !admitted.has(repository));
    if (fresh.length === 0) return;
    forgetOld();
    const ownTimesMs = [...admitted.values()].filter((one) => one.owner === owner).map(({ atMs }) => atMs);
    if (fresh.length > quota.eachPerDay) throw tooManyAtOnce(fresh.length);
    if (ownTimesMs.length + fresh.length > quota.eachPerDay) throw tooManyADay(ownTimesMs, fresh.length);
    const there = new Set([...listKnown(), ...admitted.keys()]);
    if (there.size + fresh.length > quota.together) throw tooMany(there.size, fresh.length);
    for (const repository of fresh) admitted.set(repository, { owner, atMs: now() });
  };

  function forgetOld(): void {
    for (const [repository, { atMs }] of admitted) {
      if (now() - atMs < DAY_MS) return;
      admitted.delete(repository);
    }
  }

  function tooManyAtOnce(freshCount: number): Error {
    return quotaReached({
      quota: 'newRepositoriesADay',
      limit: quota.eachPerDay,
      detail: `this needs ${freshCount} new repositories at once, and one owner may make ${quota.eachPerDay} in 24 hours`,
      hint: 'Check the releasevers of the packages; send them in several batches on several days, or let the administrator take them in with rpmyard adopt, which may make any number.',
    });
  }

  /** @param ownTimesMs when the owner made each of its repositories, the oldest first. */
  function tooManyADay(ownTimesMs: readonly number[], freshCount: number): Error {
    const limit = quota.eachPerDay;
    // When so many are a day old that there is room for all that this request needs.
    const madeMs = ownTimesMs[ownTimesMs.length + freshCount - limit - 1] ?? now();
    const roomAt = new Date(madeMs + DAY_MS).toISOString();
    return quotaReached({
      quota: 'newRepositoriesADay',
      limit,
      detail: `you have made ${ownTimesMs.length} repositories in 24 hours and this needs ${freshCount} more, and one owner may make ${limit}`,
      hint: `Check the releasever of the package; send it again after ${roomAt}, or let the administrator take it in with rpmyard adopt, which may make any number.`,
    });
  }

  function tooMany(thereCount: number, freshCount: number): Error {
    return quotaReached({
      quota: 'repositories',
      limit: quota.together,
      detail: `there are ${thereCount} repositories and this needs ${freshCount} more, and all owners together may have ${quota.together}`,
      hint: 'Check the releasever of the package; the administrator can stop the service and remove the directories of repositories that are not needed.',
    });
  }
}
