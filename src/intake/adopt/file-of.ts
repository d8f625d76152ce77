import { join } from 'node:path';
import type { SurveyedPackage } from '../survey.ts';

/** The file of a package that was found, as an absolute path: of one that was found by a link, where the link leads. */
export function locateSource(
  root: string,
  { path, realPath }: Pick<SurveyedPackage, 'path' | 'realPath'>,
): string {
  return realPath ?? join(root, path);
}
