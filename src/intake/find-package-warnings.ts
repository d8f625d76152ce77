import { findTextWarnings } from './find-text-warnings.ts';
import type { PackageWarning } from '../api/package-warning.ts';
import type { PackageFacts } from './read-header.ts';
import { findDigestWarnings } from '../trust/find-untrusted-digests.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** The warnings about a package for the repositories that take it. */
export function findPackageWarnings(
  rpm: PackageFacts,
  repositories: readonly RepositoryName[],
): readonly PackageWarning[] {
  return [...findTextWarnings(rpm), ...findDigestWarnings(rpm.digests, repositories)];
}
