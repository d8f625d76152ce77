import type { ReachedCounters } from './coverage-map.ts';

export interface FolderCoverage {
  readonly folder: string;
  readonly reached: number;
  readonly all: number;
}

/** How many statements, functions and branches of each folder of src the runs have reached together. */
export function coverageOfFolders(runs: readonly ReachedCounters[]): readonly FolderCoverage[] {
  const modules = new Map<string, readonly boolean[]>();
  for (const run of runs) {
    for (const [path, counters] of run) {
      const before = modules.get(path);
      modules.set(
        path,
        counters.map((isReached, index) => isReached || before?.[index] === true),
      );
    }
  }
  const folders = new Map<string, FolderCoverage>();
  for (const [path, counters] of modules) {
    const folder = /\/src\/(?<folder>[^/]+)\//.exec(path)?.groups?.['folder'] ?? '';
    const { reached, all } = folders.get(folder) ?? { reached: 0, all: 0 };
    const here = counters.filter(Boolean).length;
    folders.set(folder, { folder, reached: reached + here, all: all + counters.length });
  }
  return [...folders.values()];
}
