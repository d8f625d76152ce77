/** How many lines may be written: `burst` at once, and after that `perMinute` in the long run. */
export interface LineRate {
  readonly burst: number;
  readonly perMinute: number;
}

export interface LineBudget {
  /**
   * Asks for room for a line.
   * @returns how many were left out since the last one; undefined when this one is to be left out too.
   */
  readonly take: () => number | undefined;
}

/**
 * Bounds the lines that clients can cause at no cost of their own: in a day at most `burst + 1440 * perMinute`.
 * @param now milliseconds; a clock that is set back costs nothing but time.
 */
export function createLineBudget({ burst, perMinute }: LineRate, now: () => number): LineBudget {
  let room = burst;
  let filledAtMs = now();
  let leftOut = 0;
  return {
    take: () => {
      const nowMs = now();
      const elapsedMs = Math.max(0, nowMs - filledAtMs);
      room = Math.min(burst, room + (elapsedMs / 60_000) * perMinute);
      filledAtMs = nowMs;
      if (room < 1) {
        leftOut += 1;
        return undefined;
      }
      room -= 1;
      const before = leftOut;
      leftOut = 0;
      return before;
    },
  };
}
