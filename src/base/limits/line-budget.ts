/** How many lines may be written: `burst` at once, and after that `perMinute` in the long run. */
export interface LineRate {
  readonly burst: number;
  readonly perMinute: number;
}

/** Budgets of lines, one for each key; a key that was not asked for before has all of its burst. */
export interface LineBudgets<Key> {
  /**
   * Asks for room for a line.
   * @returns a field with the number of lines that were left out since the last one, empty when there are none;
   * undefined when this line has to be left out too.
   */
  readonly take: (key: Key) => Readonly<Record<string, number>> | undefined;
}

interface Budget {
  room: number;
  filledAtMs: number;
  leftOut: number;
}

/**
 * Bounds the lines that clients can cause at no cost of their own: in a day at most `burst + 1440 * perMinute` of a
 * key. It never forgets a key, so the caller takes the keys from a closed set.
 * @param countName of the field that says how many were left out.
 * @param now milliseconds; a clock that is set back only delays.
 */
export function createLineBudgets<Key>(
  { burst, perMinute }: LineRate,
  countName: string,
  now: () => number,
): LineBudgets<Key> {
  const budgets = new Map<Key, Budget>();
  return {
    take: (key) => {
      const nowMs = now();
      const budget = budgets.get(key) ?? { room: burst, filledAtMs: nowMs, leftOut: 0 };
      budgets.set(key, budget);
      const elapsedMs = Math.max(0, nowMs - budget.filledAtMs);
      budget.room = Math.min(burst, budget.room + (elapsedMs / 60_000) * perMinute);
      budget.filledAtMs = nowMs;
      if (budget.room < 1) {
        budget.leftOut += 1;
        return undefined;
      }
      const { leftOut } = budget;
      budget.room -= 1;
      budget.leftOut = 0;
      return leftOut === 0 ? {} : { [countName]: leftOut };
    },
  };
}
