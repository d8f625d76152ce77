import { quotaReached, QUOTAS } from '../quotas.ts';

export interface RepositoryQuotaOptions {
  /** Whether a repository is there. */
  readonly isKnown: (repository: string) => boolean;
  /** The names of all that are there; asked when one is to be made. */
  readonly listKnown: () => readonly string[];
  readonly now: () => number;
  readonly quota?: { readonly eachPerDay: number; readonly together: number };
}

/** Lets an owner make those of the repositories that are not there yet. @throws AppError QUOTA_REACHED. */
export type AdmitRepositories = (repositories: readonly string[], owner: string) => void;

const DAY_MS = 24 * 3_600_000;
const FROM_QUOTAS = { eachPerDay: QUOTAS.newRepositoriesADay, together: QUOTAS.repositories };

/** What was admitted is remembered for a day, whatever became of it: also who makes them all at once is counted. */
export function createRepositoryQuota({
  isKnown,
  listKnown,
  now,
  quota = FROM_QUOTAS,
}: RepositoryQuotaOptions): AdmitRepositories {
  /** In the order of coming. */
  const admitted = new Map<string, { readonly owner: string; readonly atMs: number }>();

  return (repositories, owner) => {
    const fresh = repositories.filter((repository) => !isKnown(repository) && !admitted.has(repository));
    if (fresh.length === 0) return;
    forgetOld();
    const own = [...admitted.values()].filter((one) => one.owner === owner);
    if (own.length + fresh.length > quota.eachPerDay) throw tooManyADay(own.at(0)?.atMs);
    const all = new Set([...listKnown(), ...admitted.keys(), ...fresh]);
    if (all.size > quota.together) throw tooMany();
    for (const repository of fresh) admitted.set(repository, { owner, atMs: now() });
  };

  function forgetOld(): void {
    for (const [repository, { atMs }] of admitted) {
      if (now() - atMs < DAY_MS) return;
      admitted.delete(repository);
    }
  }

  function tooManyADay(firstMs = now()): Error {
    const limit = quota.eachPerDay;
    return quotaReached({
      quota: 'newRepositoriesADay',
      limit,
      detail: `you have made ${limit} repositories in 24 hours, as many as one owner may make`,
      hint: `Check the releasever of the package; the next may be made after ${new Date(firstMs + DAY_MS).toISOString()}, and rpmyard adopt makes any number.`,
    });
  }

  function tooMany(): Error {
    return quotaReached({
      quota: 'repositories',
      limit: quota.together,
      detail: `there are ${quota.together} repositories, as many as all owners may make`,
      hint: 'Check the releasever of the package; the administrator can remove the directories of repositories that nobody needs while the service is stopped.',
    });
  }
}
