import type { PushFailure } from '../client/push-failure.ts';

/** Makes the function that reports retries: one line, even if many files fail for the same reason meanwhile. */
export function createRetryLines(
  write: (line: string) => void,
  now: () => number,
): (failure: PushFailure, pauseMs: number) => void {
  const saidUntilMs = new Map<string, number>();
  return ({ code, message }, pauseMs) => {
    const reason = `${code}: ${message}`;
    if (now() < (saidUntilMs.get(reason) ?? 0)) return;
    // Forgets reasons that are over.
    for (const [old, untilMs] of saidUntilMs) if (untilMs <= now()) saidUntilMs.delete(old);
    saidUntilMs.set(reason, now() + pauseMs);
    write(`${reason}; trying again in ${(pauseMs / 1000).toFixed(1)} s\n`);
  };
}
