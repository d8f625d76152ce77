import { ERROR_STATUS } from '../errors.ts';
import { createLineBudgets } from '../base/limits/line-budget.ts';

/** Decides which refusals are written into the audit log. */
export interface RefusalBudgets {
  /**
   * @param who the client, as in a line; null of clients that have proven nothing, which share one budget.
   * @param outcome of a request or file: what was done is always written, an error code as long as there is room.
   * @returns what a line about it says of those before it (`refusalsNotWritten`); undefined when it is left out.
   */
  readonly take: (who: string | null, outcome: string) => Readonly<Record<string, number>> | undefined;
}

// What is refused costs its sender nothing: it must not fill the disk. A line has less than 4 KB, so that in the worst day 60 MB
// come from all anonymous clients together, and as much from each token and key. A client that tries again each minute, and a
// hundred build jobs that fail at once, are written in full.
const REFUSALS = { burst: 200, perMinute: 10 };

/** As many budgets as there are tokens and keys, and some for what is not one. */
export function createRefusalBudgets(now: () => number): RefusalBudgets {
  const budgets = createLineBudgets<string | null>(REFUSALS, 'refusalsNotWritten', now);
  return {
    take: (who, outcome) => (who !== null && !Object.hasOwn(ERROR_STATUS, outcome) ? {} : budgets.take(who)),
  };
}
