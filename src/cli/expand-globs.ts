import type { RepositoryName } from '../rpm/repository-name.ts';
import { matchesAnyGlob } from '../rpm/repository-globs.ts';

/**
 * The repositories that names and globs (`9/*`) name, each once. A glob that fits none stays as it is, for a message
 * that names it.
 */
export function expandGlobs(named: readonly string[], known: readonly RepositoryName[]): readonly string[] {
  const expanded = named.flatMap((name) => {
    const fitting = known.filter(matchesAnyGlob([name]));
    return fitting.length > 0 ? fitting : [name];
  });
  return [...new Set(expanded)];
}
