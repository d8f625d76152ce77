import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Reach } from './take-dropped-file.ts';

export interface DirectoryWatchParts {
  readonly directory: string;
  /** Told of a name that came or went; undefined: of one that the system does not say. */
  readonly onChange: (name: string | undefined) => void;
  readonly log: Logger;
}

/** Follows what happens in a directory, as far as the system tells. */
export class DirectoryWatch {
  readonly #parts: DirectoryWatchParts;
  readonly #reach: Reach;
  #watched: { readonly identity: string; readonly watcher: FSWatcher | undefined } | undefined;

  constructor(parts: DirectoryWatchParts, reach: Reach) {
    this.#parts = parts;
    this.#reach = reach;
  }

  /** Begins, or begins anew when another directory is there now. @throws what a look at the directory throws. */
  async follow(): Promise<void> {
    const { directory } = this.#parts;
    const { dev, ino, birthtimeNs } = await this.#reach.calls.within(() => stat(directory, { bigint: true }));
    // An inode number may be reused.
    const identity = `${dev}-${ino}-${birthtimeNs}`;
    if (this.#watched?.identity === identity || this.#reach.signal.aborted) return;
    this.close();
    this.#watched = { identity, watcher: this.#start() };
  }

  close(): void {
    this.#watched?.watcher?.close();
    this.#watched = undefined;
  }

  /** Undefined when there can be none: the scans go on. */
  #start(): FSWatcher | undefined {
    const noteUnwatched = (error: unknown): void => {
      const { directory, log } = this.#parts;
      log.warn({ err: error, directory }, 'drop directory is not watched, only scanned now and then');
    };
    try {
      return watch(this.#parts.directory, (event, name) => {
        // 'rename' is a name that came or went. A write needs no event: a file that was seen once and still grows is looked
        // at when it could be settled.
        if (event === 'rename') this.#parts.onChange(name ?? undefined);
      }).on('error', noteUnwatched);
    } catch (error) {
      noteUnwatched(error);
      return undefined;
    }
  }
}
