import { setImmediate as nextTurn } from 'node:timers/promises';
import pLimit from 'p-limit';

/** Work of the main thread that would keep other requests waiting, done in pieces. */
export interface LongWork {
  /**
   * Does one piece, a few milliseconds long, when what else has come in had its turn: of all pieces that wait, one a turn of
   * the event loop.
   */
  readonly piece: <T>(work: () => T) => Promise<T>;
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
