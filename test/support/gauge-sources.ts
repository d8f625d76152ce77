import type { GaugeSources } from '../../src/observe/gauges.ts';

/** Of a service in which nothing is and nothing is wrong. */
export const NOTHING: GaugeSources = {
  version: '1.2.3',
  listStatus: () => [],
  countSetAside: async () => 0,
  findFaults: async () => [],
  countStuckDrops: () => 0,
  freeBytes: () => undefined,
  now: Date.now,
};
