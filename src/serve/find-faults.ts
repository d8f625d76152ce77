import { type AppError, toAppError } from '../errors.ts';
import type { RepositoryStatus } from '../reindex/repository-queue.ts';

/** Something that is wrong now. */
export interface Fault {
  /** What does not work as long as it lasts. */
  readonly affects: 'uploads' | 'indexes';
  /** The only one that it is about. */
  readonly repository?: string;
  readonly error: AppError;
}

export interface FaultSources {
  readonly listStatus: () => readonly RepositoryStatus[];
  /** Tries what an upload does first; gives the fault that would meet it, or undefined. */
  readonly findUploadFault: () => Promise<AppError | undefined>;
  /** Something that keeps indexes from being built, such as an engine that is not installed. */
  readonly findIndexFault: () => Promise<AppError | undefined>;
}

// Short enough for a load balancer, long enough that nobody can wear out the disk by asking.
const REMEMBER_MS = 1_000;

/**
 * Gives a function that finds what is wrong now, what affects uploads first: for /readyz and for /metrics. It never
 * rejects: a question that cannot be answered is a fault itself.
 */
export function createFaultFinder(sources: FaultSources): () => Promise<readonly Fault[]> {
  const findUploadFault = remembered(() => sources.findUploadFault().catch(toAppError));
  return async () => {
    const [uploadFault, indexFault] = await Promise.all([
      findUploadFault(),
      sources.findIndexFault().catch(toAppError),
    ]);
    return [
      ...(uploadFault === undefined ? [] : [{ affects: 'uploads' as const, error: uploadFault }]),
      ...(indexFault === undefined ? [] : [{ affects: 'indexes' as const, error: indexFault }]),
      ...sources
        .listStatus()
        .flatMap(({ repository, lastError }) =>
          lastError === undefined ? [] : [{ affects: 'indexes' as const, repository, error: lastError }],
        ),
    ];
  };
}

/** Asking writes to the disk: whoever asks again within the time, or before there is an answer, gets the same one. */
function remembered<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let answeredAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (answer === undefined || performance.now() - answeredAtMs > REMEMBER_MS) {
      // On a disk that hangs every further question would hang as well.
      answeredAtMs = Number.POSITIVE_INFINITY;
      answer = ask().finally(() => {
        answeredAtMs = performance.now();
      });
    }
    return answer;
  };
}
