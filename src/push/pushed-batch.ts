import type { PushFailure } from './push-failure.ts';

/**
 * What became of a batch: `committed`, `refused` as a whole (it stays on the service), `dropped` or, when the user gave
 * it its name, `kept` because a package was not taken, or `staged` when the service was not there to the end. `waiting`:
 * committed, and not in the index.
 */
export type BatchEnd = 'committed' | 'waiting' | 'refused' | 'dropped' | 'kept' | 'staged';

export interface PushedBatch {
  readonly id: string;
  readonly state: BatchEnd;
  readonly failure?: PushFailure;
  /** ISO 8601: when the service forgets one that is kept, unless something comes to it. */
  readonly keptUntil?: string;
}
