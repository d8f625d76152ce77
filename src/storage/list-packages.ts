import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

// Engines get the packages as lines of a list.
const BREAKS_LINES = /[\n\r]/;

/**
 * The location (path below the directory) of every package in a repository's directory; links to elsewhere and names
 * with a leading dot are no packages. In no particular order.
 */
export async function listPackages(repositoryDir: string): Promise<readonly string[]> {
  const locations: string[] = [];
  await collect(repositoryDir, '', locations);
  return locations;
}

async function collect(repositoryDir: string, prefix: string, locations: string[]): Promise<void> {
  for (const entry of await readdir(join(repositoryDir, prefix), { withFileTypes: true })) {
    const { name } = entry;
    if (name.startsWith('.') || name === 'repodata' || BREAKS_LINES.test(name)) continue;
    const location = prefix === '' ? name : `${prefix}/${name}`;
    if (entry.isDirectory()) await collect(repositoryDir, location, locations);
    else if (entry.isFile() && name.endsWith('.rpm')) locations.push(location);
  }
}
