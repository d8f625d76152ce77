import type { Target } from '../../storage/repository-layout.ts';
import type { TakeTurns } from '../../base/turns/take-turns.ts';

/**
 * Runs a task when it is its turn at each of these targets: two packages of one name would decide on what the other is about to
 * change. All take their turns in the order of the names, so that no two wait for each other.
 */
export function takeAllTurns<T>(
  targets: readonly Target[],
  takeTurns: TakeTurns,
  task: () => Promise<T>,
): Promise<T> {
  const names = new Set(targets.map(({ repository, location }) => `${repository}/${location}`));
  return [...names]
    .toSorted()
    .reduceRight<() => Promise<T>>((inner, name) => () => takeTurns(name, inner), task)();
}
