import type { PushFailure } from './push-failure.ts';

/**
 * What became of a batch. `committed`: it is published. `waiting`: it is committed, and not all of it is in the index.
 * In all other cases nothing of it is published. `dropped`: the service removed it. `refused`: it stays on the service,
 * refused as a whole. `kept`: it stays for another push with the name that the user gave it. `unknown`: the service did
 * not answer to the end.
 */
export type BatchEnd = 'committed' | 'waiting' | 'refused' | 'dropped' | 'kept' | 'unknown';

export interface PushedBatch {
  readonly id: string;
  readonly state: BatchEnd;
  readonly failure?: PushFailure;
  /** ISO 8601: when the service drops a batch that stays, unless a request changes it. */
  readonly keptUntil?: string;
}
