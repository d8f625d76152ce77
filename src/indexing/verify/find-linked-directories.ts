import { relative } from 'node:path';
import { entryStats } from './entry-stats.ts';
import type { Finding } from '../violation.ts';

/** Those of a repository's directories that are symbolic links: no package is placed behind one, and no host sees it. */
export async function findLinkedDirectories(
  repositoryDir: string,
  directories: readonly string[],
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const path of directories) {
    const isLink = (await entryStats(path))?.isSymbolicLink() ?? false;
    const subject = relative(repositoryDir, path) || '.';
    if (isLink) findings.push({ code: 'DIRECTORY_IS_LINK', subject, detail: `${path} is a symbolic link` });
  }
  return findings;
}
