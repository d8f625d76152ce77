import { identityAt } from '../base/files/file-identity.ts';

/**
 * What became of a change: it waits, it is public (or was, until a later one), a later one replaced it before, or its
 * file was damaged on the disk.
 */
export type ChangeFate = 'waiting' | 'published' | 'replaced' | 'damaged';

/** A kept change, as long as its sender waits for its fate. */
export interface KeptChange extends Disposable {
  readonly fate: () => ChangeFate;
}

/** The file of a change, and what is known of it. */
interface Watched {
  readonly path: string;
  readonly identity: string | undefined;
  end: 'published' | 'damaged' | undefined;
}

/** The changes whose senders wait. */
export class KeptChanges {
  readonly #watched = new Set<Watched>();
  /** The files that runs under way may publish, even when others have replaced them meanwhile. */
  readonly #inRuns = new Set<string>();

  /** Follows the file that lies at this path now. */
  watch(path: string): KeptChange {
    const one: Watched = { path, identity: identityAt(path), end: undefined };
    this.#watched.add(one);
    return {
      fate: () => {
        if (one.end !== undefined) return one.end;
        const isOpen = one.identity !== undefined && this.#inRuns.has(one.identity);
        return isOpen || identityAt(path) === one.identity ? 'waiting' : 'replaced';
      },
      [Symbol.dispose]: () => void this.#watched.delete(one),
    };
  }

  /** A run may publish this file. */
  enterRun(identity: string): void {
    this.#inRuns.add(identity);
  }

  leaveRun(identity: string): void {
    this.#inRuns.delete(identity);
  }

  /** Says what became of the file that lay at this path. */
  end(path: string, identity: string, end: 'published' | 'damaged'): void {
    for (const one of this.#watched) {
      if (one.path === path && one.identity === identity) one.end ??= end;
    }
  }
}
