import { setImmediate as nextTurn } from 'node:timers/promises';
import pLimit from 'p-limit';

/** Work of the main thread that would keep other requests waiting, done in pieces. */
export interface LongWork {
  /**
   * Does one piece, a few milliseconds long, after all other events had their turn. Of all waiting pieces one runs in
   * each turn of the event loop.
   */
  readonly piece: <T>(work: () => T | Promise<T>) => Promise<T>;
}

export function createLongWork(): LongWork {
  const inTurn = pLimit(1);
  return {
    piece: (work) =>
      inTurn(async () => {
        await nextTurn();
        return work();
      }),
  };
}
