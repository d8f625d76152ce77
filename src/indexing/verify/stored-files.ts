import { join } from 'node:path';
import { entryStats } from './entry-stats.ts';

/** A package file on disk. */
export interface FileOnDisk {
  /** Path below the repository's directory. */
  readonly location: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly mode: number;
}

// More than Node's thread pool takes at once; all of them would only fill memory.
const AT_ONCE = 64;

/** Size and mode of each package, in order; leaves out what was removed meanwhile, and names no path leads to: they are no UTF-8. */
export async function readStoredFiles(
  repositoryDir: string,
  locations: readonly string[],
): Promise<readonly FileOnDisk[]> {
  const files: FileOnDisk[] = [];
  const inOrder = locations.toSorted();
  for (let start = 0; start < inOrder.length; start += AT_ONCE) {
    const group = inOrder.slice(start, start + AT_ONCE);
    for (const file of await Promise.all(group.map((location) => readStoredFile(repositoryDir, location)))) {
      if (file !== undefined) files.push(file);
    }
  }
  return files;
}

async function readStoredFile(repositoryDir: string, location: string): Promise<FileOnDisk | undefined> {
  const path = join(repositoryDir, location);
  const stats = await entryStats(path);
  return stats && { location, path, sizeBytes: stats.size, mode: stats.mode };
}
