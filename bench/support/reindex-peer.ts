/** A package file outside of the trees. */
export interface PackageFile {
  readonly path: string;
  readonly fileName: string;
}

/** What bringing an index up to date took. */
export interface Cost {
  /** As the one who asked for it waited. */
  readonly seconds: number;
  /** Of the index run alone, as the service logged it. */
  readonly runSeconds?: number;
  /** Of all threads, user and system. */
  readonly cpuSeconds: number;
  /** The most memory that the process held at a time; undefined where the kernel does not let it be measured. */
  readonly peakBytes: number | undefined;
}

/** One of several identical trees, and what indexes it. */
export interface ReindexPeer {
  readonly name: string;
  /** Describes every package anew. */
  indexAfresh(): Promise<Cost>;
  /** Adds a package without being measured; only what keeps running brings its index up to date, and is warm then. */
  warmUp(one: PackageFile): Promise<void>;
  /** Adds packages and brings the index up to date. */
  add(packages: readonly PackageFile[]): Promise<Cost>;
  /** Removes one package by hand and brings the index up to date. */
  remove(fileName: string): Promise<Cost>;
}

export async function secondsOf(task: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await task();
  return (performance.now() - startedMs) / 1000;
}
