import { waitAtMost } from '../base/turns/wait-at-most.ts';
import { AppError, toAppError } from '../errors.ts';
import type { RepositoryStatus } from '../indexing/repository-schedule.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** Something that is wrong now. */
export interface Fault {
  /** What does not work while the fault lasts; `nothing` when everything works and a person should still look. */
  readonly affects: 'uploads' | 'indexes' | 'drops' | 'nothing';
  /** The repository, for a fault of one repository. */
  readonly repository?: RepositoryName;
  readonly error: AppError;
}

export interface FaultSources {
  readonly listStatus: () => readonly RepositoryStatus[];
  /** Packages that are not described as they lie on disk; those of a repository with the same fault come together. */
  readonly listPackageFaults?: () => Promise<
    readonly { readonly repository: RepositoryName; readonly error: AppError }[]
  >;
  /** Tries what an upload does first; gives the fault that an upload would meet, or undefined. */
  readonly findUploadFault: () => Promise<AppError | undefined>;
  /** Gives the fault that keeps indexes from being built, such as an engine that is not installed. */
  readonly findIndexFault: () => Promise<AppError | undefined>;
  /** Gives the fault that keeps dropped files from being taken in; left out without a drop directory. */
  readonly findDropFault?: () => AppError | undefined;
  /** Gives the fault of an nginx in front with an old configuration; left out without nginx. */
  readonly findNginxFault?: () => AppError | undefined;
  /** How long a check of uploads may take. */
  readonly limitMs?: number;
}

// Short enough for a load balancer, long enough that clients cannot wear out the disk by asking.
const REMEMBER_MS = 1_000;
// A busy disk writes a small file within a second; Prometheus gives up a scrape after 10 s, and would lose every metric.
const LIMIT_MS = 5_000;

/**
 * Makes the function that finds what is wrong now, faults of uploads first: for /readyz and for /metrics. It never
 * rejects: a check that fails is a fault itself.
 */
export function createFaultFinder(sources: FaultSources): () => Promise<readonly Fault[]> {
  const findUploadFault = remembered(
    () => sources.findUploadFault().catch(toAppError),
    sources.limitMs ?? LIMIT_MS,
  );
  return async () => {
    const [uploadFault, indexFault] = await Promise.all([
      findUploadFault(),
      sources.findIndexFault().catch(toAppError),
    ]);
    const dropFault = sources.findDropFault?.();
    const nginxFault = sources.findNginxFault?.();
    return [
      ...(uploadFault === undefined ? [] : [{ affects: 'uploads' as const, error: uploadFault }]),
      ...(indexFault === undefined ? [] : [{ affects: 'indexes' as const, error: indexFault }]),
      ...(dropFault === undefined ? [] : [{ affects: 'drops' as const, error: dropFault }]),
      ...sources
        .listStatus()
        .flatMap(({ repository, lastError }) =>
          lastError === undefined ? [] : [{ affects: 'indexes' as const, repository, error: lastError }],
        ),
      ...(await findPackageFaults(sources)),
      ...(nginxFault === undefined ? [] : [{ affects: 'nothing' as const, error: nginxFault }]),
    ];
  };
}

/** None when the records cannot be read: an upload meets that fault, which is reported as one of uploads. */
async function findPackageFaults({ listPackageFaults }: FaultSources): Promise<readonly Fault[]> {
  try {
    return ((await listPackageFaults?.()) ?? []).map((fault) => ({ affects: 'indexes' as const, ...fault }));
  } catch {
    return [];
  }
}

/**
 * The check writes to the disk, so only one runs at a time, and its result holds for a while: a caller that asks within
 * that time, or while the check runs, gets the same result. When the disk hangs, the check does not end; until it does,
 * no other one starts, and every caller gets the fault that the disk did not answer.
 */
function remembered(
  ask: () => Promise<AppError | undefined>,
  limitMs: number,
): () => Promise<AppError | undefined> {
  let answer: AppError | undefined;
  let validUntilMs = 0;
  let pending: Promise<AppError | undefined> | undefined;

  async function askAnew(): Promise<AppError | undefined> {
    answer = await ask();
    validUntilMs = performance.now() + REMEMBER_MS;
    pending = undefined;
    return answer;
  }

  return async () => {
    if (pending === undefined && performance.now() < validUntilMs) return answer;
    pending ??= waitAtMost(limitMs, askAnew(), () => noAnswer(limitMs), { ref: false });
    return pending;
  };
}

function noAnswer(limitMs: number): AppError {
  return new AppError('STORAGE_FAILED', `the disk did not answer within ${limitMs / 1000} s`, {
    hint: 'Look at the mount of repo.top_dir and at the log of the kernel; the fault goes when the disk answers again.',
  });
}
