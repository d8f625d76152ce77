import type { PushFailure } from './push-failure.ts';

/**
 * What became of a batch: `committed`, or `waiting` when that holds and not all of it is in the index. Otherwise nothing
 * of it is published, and it is `dropped`, or stays on the service: `refused` as a whole, or `kept` for another push
 * with the name that the user gave it. `unknown` when the service was not there to the end.
 */
export type BatchEnd = 'committed' | 'waiting' | 'refused' | 'dropped' | 'kept' | 'unknown';

export interface PushedBatch {
  readonly id: string;
  readonly state: BatchEnd;
  readonly failure?: PushFailure;
  /** ISO 8601: when the service forgets one that stays, unless something comes to it. */
  readonly keptUntil?: string;
}
