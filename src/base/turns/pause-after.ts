/**
 * How long to wait before the next attempt.
 * @param failures so far, at least one.
 * @param pausesMs after the first, second, ... failure; the last one repeats.
 */
export function pauseAfter(failures: number, pausesMs: readonly number[]): number {
  return pausesMs[Math.min(failures, pausesMs.length) - 1] ?? 0;
}
