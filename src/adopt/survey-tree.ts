import type { Survey } from './survey.ts';
import { type MetadataSurveyParts, surveyMetadata } from './survey-metadata.ts';
import { type PackageSurveyParts, refusalOf, surveyPackages, unreadable } from './survey-packages.ts';
import { walkTree } from './walk-tree.ts';

/**
 * Looks at everything in a directory and changes nothing.
 * @param root absolute, without symbolic links in it.
 */
export async function surveyTree(
  root: string,
  parts: { readonly packages: PackageSurveyParts; readonly metadata: MetadataSurveyParts },
): Promise<Survey> {
  const walked = await walkTree(root);
  const { packages, refusals } = await surveyPackages(root, walked.packages, parts.packages);
  const metadata = await surveyMetadata(root, walked.indexed, parts.metadata);
  return {
    root,
    packages,
    metadata: metadata.metadata,
    indexed: walked.indexed,
    refusals: [
      ...walked.unreadable.map(({ path, reason }) => refusalOf(path, unreadable(reason))),
      ...refusals,
      ...metadata.refusals,
    ],
    links: walked.links,
    deltas: walked.deltas,
    leftOutTypes: metadata.leftOutTypes,
    hiddenCount: walked.hiddenCount,
    otherCount: walked.otherCount,
  };
}
