import { join } from 'node:path';
import { createPackageFiles } from '../../src/storage/local/package-files.ts';
import type { DirectoryStep } from '../../src/storage/package-names.ts';
import { repo } from './repo.ts';

/** Links packages into a directory as an upload does, for tests that have no tree around it. */
export function packageFilesIn(repositoryDir: string): {
  readonly add: (path: string, location: string) => Promise<DirectoryStep | undefined>;
  readonly replace: (path: string, location: string) => Promise<DirectoryStep>;
} {
  const files = createPackageFiles({
    topDir: repositoryDir,
    directoryOf: () => repositoryDir,
    pathOf: ({ location }) => join(repositoryDir, location),
  });
  const repository = repo('9/x86_64');
  return {
    add: (path, location) => files.add(path, { repository, location }),
    replace: (path, location) => files.replace(path, { repository, location }),
  };
}
