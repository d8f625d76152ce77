import { join } from 'node:path';

/** A package that an index names, as far as a survey asks for it. */
export interface NamedPackage {
  /** Below the directory of the index, without `.` in it. */
  readonly location: string;
  /** Where hosts load it from, when that is not the directory. */
  readonly base: string | undefined;
}

export interface IndexSurveyParts {
  /** By location; none when the index is damaged. @throws AppError INDEX_ENGINE_MISSING. */
  readonly readIndex: (directory: string) => Promise<ReadonlyMap<string, NamedPackage>>;
  readonly explainLoss: (named: NamedPackage, directory: string) => string;
}

/** How the indexes of a tree differ from what lies in it. */
export interface SurveyedIndexes {
  /** What they name and the survey did not find, with the reason. */
  readonly missing: readonly { readonly path: string; readonly reason: string }[];
  /** What lies in an indexed directory and its index does not name. */
  readonly unnamed: readonly string[];
}

/**
 * Compares the indexes of a tree with the packages that were found.
 * @param indexed directories with a `repodata`, below the root.
 * @param paths of packages, below the root.
 */
export async function surveyIndexes(
  root: string,
  { indexed, paths }: { readonly indexed: readonly string[]; readonly paths: readonly string[] },
  { readIndex, explainLoss }: IndexSurveyParts,
): Promise<SurveyedIndexes> {
  const found = new Set(paths);
  const named = new Set<string>();
  const belowIndex: string[] = [];
  const missing: { path: string; reason: string }[] = [];
  for (const directory of indexed) {
    const index = await readIndex(join(root, directory));
    for (const one of index.values()) {
      const path = join(directory, one.location);
      named.add(path);
      if (found.has(path)) continue;
      missing.push({ path, reason: explainLoss(one, join(root, directory)) });
    }
    // One that names nothing says of no package that it is to be left out.
    if (index.size > 0) belowIndex.push(directory === '' ? '' : `${directory}/`);
  }
  const isBelow = (path: string): boolean => belowIndex.some((prefix) => path.startsWith(prefix));
  return { missing, unnamed: paths.filter((path) => !named.has(path) && isBelow(path)) };
}
