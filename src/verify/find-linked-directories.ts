import { dirname, join } from 'node:path';
import { entryStats } from './entry-stats.ts';
import type { Finding } from './violation.ts';

/** The directories of a repository that are symbolic links: no package is placed behind one, and no host sees it. */
export async function findLinkedDirectories(repositoryDir: string): Promise<readonly Finding[]> {
  const directories = [
    ['..', dirname(repositoryDir)],
    ['.', repositoryDir],
    ...['Packages', 'repodata'].map((name) => [name, join(repositoryDir, name)] as const),
  ] as const;
  const findings: Finding[] = [];
  for (const [subject, path] of directories) {
    const isLink = (await entryStats(path))?.isSymbolicLink() ?? false;
    if (isLink) findings.push({ code: 'DIRECTORY_IS_LINK', subject, detail: `${path} is a symbolic link` });
  }
  return findings;
}
