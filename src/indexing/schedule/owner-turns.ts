/**
 * Lets one task at a time go on, in a line that is fair to owners: the waiting tasks of one owner delay another owner
 * by one turn.
 */
export interface OwnerTurns {
  /**
   * Resolves when the turn has come; leaving the scope of the result ends the turn.
   * @param signal leaves the line.
   * @throws the signal's reason.
   */
  readonly take: (owner: string, signal: AbortSignal) => Promise<Disposable>;
}

/** The next turn is that of the owner who had none for the longest time, of those who wait. */
export function createOwnerTurns(): OwnerTurns {
  /** The waiting tasks by owner; the first owner is next, and of each the task that came first. */
  const waiting = new Map<string, Set<() => void>>();
  let isTaken = false;

  return {
    take: async (owner, signal) => {
      signal.throwIfAborted();
      if (isTaken) await inLine(owner, signal);
      isTaken = true;
      return { [Symbol.dispose]: () => pass(owner) };
    },
  };

  async function inLine(owner: string, signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const leave = (): void => {
      withdraw(owner, turn.resolve);
      turn.reject(signal.reason);
    };
    waiting.set(owner, (waiting.get(owner) ?? new Set()).add(turn.resolve));
    signal.addEventListener('abort', leave);
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  /** Hands the turn over without a gap, which a newcomer could take. */
  function pass(owner: string): void {
    const others = waiting.get(owner);
    // To the end of the line.
    if (others !== undefined && waiting.delete(owner)) waiting.set(owner, others);
    const [next] = waiting;
    const [begin] = next?.[1] ?? [];
    isTaken = next !== undefined;
    if (next === undefined || begin === undefined) return;
    withdraw(next[0], begin);
    begin();
  }

  function withdraw(owner: string, begin: () => void): void {
    const own = waiting.get(owner);
    own?.delete(begin);
    if (own?.size === 0) waiting.delete(owner);
  }
}
