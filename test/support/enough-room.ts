import { createBodyRoom } from '../../src/intake/body-room.ts';

/** On a disk that never becomes full. */
export const ENOUGH_ROOM = createBodyRoom({
  demandReserve: () => undefined,
  spareBytes: () => Number.POSITIVE_INFINITY,
  nowMs: () => 0,
});
