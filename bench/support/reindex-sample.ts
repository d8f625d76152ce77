import type { Cost } from './reindex-peer.ts';

/** One turn of one peer: a line of the JSON that the benchmark writes and the chart reads. */
export interface ReindexSample extends Cost {
  /** In the repository before the round. */
  readonly packages: number;
  readonly operation: 'afresh' | '+1' | '+100' | '-1';
  /** `floor` or a peer's name. */
  readonly peer: string;
  readonly round: number;
  /** Within the round. */
  readonly turn: number;
}
