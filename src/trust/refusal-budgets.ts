import { ERROR_STATUS } from '../errors.ts';
import { createLineBudgets } from '../base/limits/line-budget.ts';

/** Decides which refusals are written into the audit log. */
export interface RefusalBudgets {
  /**
   * @param who the client, as in a line; null for clients that have proved nothing, which share one budget.
   * @param outcome of a request or file: what was done is always written, an error code as long as there is room.
   * @returns the fields that tell of lines left out before (`refusalsNotWritten`); undefined when this line is left
   * out.
   */
  readonly take: (who: string | null, outcome: string) => Readonly<Record<string, number>> | undefined;
}

// A refusal costs its sender nothing, so it must not fill the disk. A line has less than 4 KB, so all anonymous clients
// together write at most 60 MB a day, and each token and key as much. A client that tries again each minute, and a
// hundred build jobs that fail at once, are written in full.
const REFUSALS = { burst: 200, perMinute: 10 };

/** As many budgets as there are tokens and keys, and some for clients without either. */
export function createRefusalBudgets(now: () => number): RefusalBudgets {
  const budgets = createLineBudgets<string | null>(REFUSALS, 'refusalsNotWritten', now);
  return {
    take: (who, outcome) => (who !== null && !Object.hasOwn(ERROR_STATUS, outcome) ? {} : budgets.take(who)),
  };
}
