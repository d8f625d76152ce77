import { join } from 'node:path';
import { followLink } from './adopt/follow-link.ts';
import type { Survey } from './survey.ts';
import { type IndexSurveyParts, surveyIndexes } from './adopt/survey-indexes.ts';
import { type MetadataSurveyParts, surveyMetadata } from './adopt/survey-metadata.ts';
import {
  type PackageSurveyParts,
  toRefusedFile,
  surveyPackages,
  unreadable,
} from './adopt/survey-packages.ts';
import { walkTree } from './adopt/walk-tree.ts';

/** What each kind of file is looked at with. */
export interface TreeSurveyParts {
  readonly packages: PackageSurveyParts;
  readonly metadata: MetadataSurveyParts;
  readonly indexes: IndexSurveyParts;
}

/**
 * Surveys everything in a directory and changes nothing.
 * @param root absolute, without symbolic links in it.
 */
export async function surveyTree(root: string, parts: TreeSurveyParts): Promise<Survey> {
  const walked = await walkTree(root);
  const linked = new Map<string, string>();
  for (const path of walked.links.filter((link) => link.endsWith('.rpm'))) {
    const real = followLink(join(root, path));
    if (real !== undefined) linked.set(path, real);
  }
  const paths = [...walked.packages, ...linked.keys()];
  const { packages, refusals } = await surveyPackages(root, { paths, linked }, parts.packages);
  const indexes = await surveyIndexes(root, { indexed: walked.indexed, paths }, parts.indexes);
  const metadata = await surveyMetadata(root, walked.indexed, parts.metadata);
  return {
    root,
    packages,
    metadata: metadata.metadata,
    indexed: walked.indexed,
    refusals: [
      ...walked.unreadable.map(({ path, reason }) => toRefusedFile(path, unreadable(reason))),
      ...refusals,
      ...metadata.refusals,
    ],
    links: walked.links.filter((path) => !linked.has(path)),
    ...indexes,
    deltas: walked.deltas,
    leftOutTypes: metadata.leftOutTypes,
    tags: metadata.tags,
    hiddenCount: walked.hiddenCount,
    otherCount: walked.otherCount,
  };
}
