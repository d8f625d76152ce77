import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, toAppError } from '../errors.ts';
import type { RepositoryStatus } from '../indexing/repository-queue.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** Something that is wrong now. */
export interface Fault {
  /** What does not work as long as it lasts; `nothing` for what works, and still needs a person. */
  readonly affects: 'uploads' | 'indexes' | 'drops' | 'nothing';
  /** The only one that it is about. */
  readonly repository?: RepositoryName;
  readonly error: AppError;
}

export interface FaultSources {
  readonly listStatus: () => readonly RepositoryStatus[];
  /** Packages that are not described as they lie there, those of a repository with the same fault together. */
  readonly listPackageFaults?: () => readonly {
    readonly repository: RepositoryName;
    readonly error: AppError;
  }[];
  /** Tries what an upload does first; gives the fault that would meet it, or undefined. */
  readonly findUploadFault: () => Promise<AppError | undefined>;
  /** Something that keeps indexes from being built, such as an engine that is not installed. */
  readonly findIndexFault: () => Promise<AppError | undefined>;
  /** What keeps dropped files from being taken in; left out where there is no drop directory. */
  readonly findDropFault?: () => AppError | undefined;
  /** An old configuration of the nginx in front; left out where there is none. */
  readonly findNginxFault?: () => AppError | undefined;
  /** How long an answer about uploads is waited for. */
  readonly limitMs?: number;
}

// Short enough for a load balancer, long enough that nobody can wear out the disk by asking.
const REMEMBER_MS = 1_000;
// A busy disk writes a small file within a second; Prometheus gives up a scrape after 10 s, and would lose every metric.
const LIMIT_MS = 5_000;

/**
 * Gives a function that finds what is wrong now, what affects uploads first: for /readyz and for /metrics. It never
 * rejects: a question that cannot be answered is a fault itself.
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
      ...packageFaultsOf(sources),
      ...(nginxFault === undefined ? [] : [{ affects: 'nothing' as const, error: nginxFault }]),
    ];
  };
}

/** None when the records cannot be read: an upload would meet that, and it is said as such. */
function packageFaultsOf({ listPackageFaults }: FaultSources): readonly Fault[] {
  try {
    return (listPackageFaults?.() ?? []).map((fault) => ({ affects: 'indexes' as const, ...fault }));
  } catch {
    return [];
  }
}

/**
 * Asking writes to the disk: whoever asks again within the time, or before there is an answer, gets the same one. A
 * question that a hanging disk keeps stays the only one, and its fault is what everybody gets until it is answered.
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
    pending ??= Promise.race([askAnew(), sleep(limitMs, noAnswer(limitMs), { ref: false })]);
    return pending;
  };
}

function noAnswer(limitMs: number): AppError {
  return new AppError('STORAGE_FAILED', `the disk did not answer within ${limitMs / 1000} s`, {
    hint: 'Look at the mount of repo.top_dir and at the log of the kernel; the fault goes when the disk answers again.',
  });
}
