/** What istanbul-lib-instrument counts of one module. */
interface ModuleCounters {
  readonly s: Record<string, number>;
  readonly f: Record<string, number>;
  readonly b: Record<string, number[]>;
}

/** By module: of each counter, whether any input reached it. */
export type ReachedCounters = ReadonlyMap<string, readonly boolean[]>;

/** Counts that do not differ in kind fall together, as in AFL: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more. */
const BUCKETS = [4, 8, 16, 32, 128];

/** What the inputs so far have reached. The modules must be loaded when it is made. */
export class CoverageMap {
  readonly #modules: readonly (readonly [path: string, arrays: readonly Record<string, number>[]])[];
  /** By module, array and counter: the buckets that were seen, as bits. */
  readonly #seen: readonly Uint8Array[][];
  readonly #bucketOf: (count: number) => number;

  /** @param bucketOf which bits a count stands for */
  constructor(bucketOf: (count: number) => number) {
    this.#bucketOf = bucketOf;
    const coverage: Record<string, ModuleCounters> = Reflect.get(globalThis, '__coverage__') ?? {};
    this.#modules = Object.entries(coverage).map(([path, { s, f, b }]) => [
      path,
      // An array is a record of its items too.
      [s, f, ...Object.values(b).map((branches): Record<string, number> => Object(branches))],
    ]);
    this.#seen = this.#modules.map(([, arrays]) =>
      arrays.map((array) => new Uint8Array(Object.keys(array).length)),
    );
    // What ran while the modules were loaded.
    this.takeNew();
  }

  /** How many counters reached a bucket for the first time since `reset`, which it does again. */
  takeNew(): number {
    return this.#take(true);
  }

  reset(): void {
    this.#take(false);
  }

  /** Of each module, which of its counters were reached. */
  reached(): ReachedCounters {
    return new Map(
      this.#modules.map(([path], index) => [
        path,
        (this.#seen[index] ?? []).flatMap((seen) => Array.from(seen, (buckets) => buckets !== 0)),
      ]),
    );
  }

  #take(marks: boolean): number {
    let found = 0;
    for (const [index, [, arrays]] of this.#modules.entries()) {
      for (const [place, array] of arrays.entries()) {
        const seen = this.#seen[index]?.[place];
        if (seen === undefined) continue;
        // The keys are 0, 1, 2 and so on.
        for (let key = 0; key < seen.length; key++) {
          const count = array[key];
          if (count === undefined || count === 0) continue;
          array[key] = 0;
          const bit = this.#bucketOf(count);
          if (!marks || ((seen[key] ?? 0) & bit) !== 0) continue;
          seen[key] = (seen[key] ?? 0) | bit;
          found++;
        }
      }
    }
    return found;
  }
}

/** For finding inputs that do something more often than others. */
export function byCount(count: number): number {
  if (count < 4) return 1 << (count - 1);
  let bucket = 2;
  for (const start of BUCKETS) if (count >= start) bucket++;
  return 1 << bucket;
}

/** For keeping few inputs. */
export function byPresence(): number {
  return 1;
}
