import { pauseAfter } from '../../base/turns/pause-after.ts';
import { failureOfError, type PushFailure } from '../push-failure.ts';

/** The clock and the pauses of retries; tests have their own. */
export interface Clock {
  readonly now: () => number;
  /** Rejects when the push is interrupted. */
  readonly pause: (ms: number) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
}

export interface RetryRules {
  readonly clock: Clock;
  /** How long attempts may fail while nothing goes forward. */
  readonly timeoutMs: number;
  /** When to give up, even if something went forward; when it is set, it alone decides. */
  readonly deadlineMs?: number;
  /** Called for each failure that is tried again. */
  readonly tellRetry: (failure: PushFailure, pauseMs: number) => void;
  /** The push was interrupted: nothing is tried again. */
  readonly signal: AbortSignal;
}

export interface Attempt {
  /** Number of the attempt; 1 is the first. */
  readonly number: number;
  /** Reports progress that a failure of this attempt does not undo. */
  readonly noteProgress: () => void;
}

const PAUSES_MS = [1000, 2000, 4000, 8000, 16_000, 30_000];

/**
 * Repeats an attempt until it succeeds or fails for good, with growing pauses.
 * @throws PushFailure the last one; the signal's reason when the push was interrupted.
 */
export async function withRetries<T>(
  { clock, timeoutMs, deadlineMs, tellRetry, signal }: RetryRules,
  run: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  let failingSinceMs: number | undefined;
  let failures = 0;
  const noteProgress = (): void => {
    failingSinceMs = undefined;
    failures = 0;
  };
  for (let number = 1; ; number += 1) {
    try {
      return await run({ number, noteProgress });
    } catch (error) {
      signal.throwIfAborted();
      const failure = failureOfError(error);
      failingSinceMs ??= clock.now();
      const leftMs = (deadlineMs ?? failingSinceMs + timeoutMs) - clock.now();
      if (failure.kind !== 'passing' || leftMs <= 0) throw failure;
      // The last attempt is made when the time is up, not before.
      failures += 1;
      const pauseMs = Math.min(jittered(pauseAfter(failures, PAUSES_MS), clock), leftMs);
      tellRetry(failure, pauseMs);
      await clock.pause(pauseMs);
    }
  }
}

/** Between half of the pause and the whole: clients that failed together must not come back together. */
function jittered(pauseMs: number, { random }: Clock): number {
  return pauseMs * (0.5 + random() / 2);
}
