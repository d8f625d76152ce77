import { join } from 'node:path';
import { readIfThere } from '../base/files/read-if-there.ts';
import {
  checkRepository,
  type RepositoryCheck,
  type VerifyOptions,
  type VerifyParts,
} from './verify/check-repository.ts';
import { type Finding, type Violation, toViolation } from './violation.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** How a repository is. */
export interface RepositoryReport extends Omit<RepositoryCheck, 'findings'> {
  readonly repository: RepositoryName;
  readonly violations: readonly Violation[];
}

// A run publishes after a quiet time, so a second one during the next check is rare already.
const MAX_CHECKS = 3;

/**
 * Compares a repository's index with its packages, with the records and with itself. Changes nothing. A repository
 * whose index was published anew meanwhile is checked again.
 * @throws AppError INDEX_ENGINE_MISSING when metadata in xz or bzip2 meets no such tool; the error of the file system
 * when a directory cannot be read; the signal's reason.
 */
export async function verifyRepository(
  repository: RepositoryName,
  parts: VerifyParts,
  options: VerifyOptions,
): Promise<RepositoryReport> {
  const repomdPath = join(parts.directoryOf(repository), 'repodata', 'repomd.xml');
  let repomdXml = await readIfThere(repomdPath);
  for (let check = 1; ; check += 1) {
    const { findings, ...counts } = await checkRepository(repository, repomdXml, { parts, options });
    const newRepomdXml = await readIfThere(repomdPath);
    const isSettled = newRepomdXml === repomdXml;
    if (isSettled || check === MAX_CHECKS) {
      const all = isSettled ? findings : [...findings, CHANGED];
      return { repository, ...counts, violations: all.map((finding) => toViolation(finding, repository)) };
    }
    repomdXml = newRepomdXml;
  }
}

const CHANGED: Finding = {
  code: 'CHANGED_DURING_CHECK',
  subject: 'repodata/repomd.xml',
  detail: `a new index was published during each of ${MAX_CHECKS} checks, so other findings may be out of date`,
};
