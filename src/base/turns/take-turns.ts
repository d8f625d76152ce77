export type TakeTurns = <T>(key: string, task: () => Promise<T>) => Promise<T>;

/** Tasks of which those with the same key run one after the other. */
export class KeyedTurns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs a task when those that were given before it have ended. */
  take<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(task, task);
    this.#last.set(key, mine);
    const forget = (): void => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    };
    mine.then(forget, forget);
    return mine;
  }

  /** Whether a task of this key runs or waits. */
  isTaken(key: string): boolean {
    return this.#last.has(key);
  }

  /** Answers when no task runs or waits. */
  async settled(): Promise<void> {
    while (this.#last.size > 0) await Promise.allSettled(this.#last.values());
  }
}

/**
 * Turns for all that look at something and then change it: looking at a target and linking into it are two steps, and uploads
 * of one file name would otherwise decide on what the other is about to change.
 */
export function createTurns(): TakeTurns {
  const turns = new KeyedTurns();
  return (key, task) => turns.take(key, task);
}
