import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { directoryStamp } from '../base/files/file-identity.ts';

/** What placing one package did to its directory. */
export interface DirectoryStep {
  /** See directoryStamp(). */
  readonly before: string;
  readonly after: string;
  /** False when the package took the place of a file of that name. */
  readonly isNewName: boolean;
}

/** The same, and the location of the package. */
export interface PlacedStep extends DirectoryStep {
  readonly location: string;
}

/** A package that this process placed. */
export interface PlacedPackage {
  readonly location: string;
  readonly sha256: string;
  /** Undefined when it was there already. */
  readonly step: DirectoryStep | undefined;
}

/** The packages of a repository, and what their directories were like when their names were read. */
export interface PackageNames {
  /** Path below the repository's directory; in no particular order. */
  readonly locations: readonly string[];
  readonly directories: KnownDirectories;
}

/** By path below the repository's directory, whose own path is empty. */
export type KnownDirectories = ReadonlyMap<string, KnownDirectory>;

interface KnownDirectory {
  readonly stamp: string;
  /** Of all its names, packages or not. */
  readonly nameCount: number;
  /** What its names say of packages: those of packages, and of directories that may hold some. */
  readonly relevant: readonly string[] | undefined;
}

// Engines get the packages as lines of a list.
const BREAKS_LINES = /[\n\r]/;

/**
 * The location of every package in a repository's directory; links to elsewhere and names with a leading dot are no
 * packages.
 */
export async function readPackageNames(repositoryDir: string): Promise<PackageNames> {
  const locations: string[] = [];
  const directories = new Map<string, KnownDirectory>();
  await collect('');
  return { locations, directories };

  async function collect(directory: string): Promise<void> {
    // Before: what changes while the names are read shows in the next stamp.
    const stamp = directoryStamp(join(repositoryDir, directory));
    const { packages, folders, nameCount } = await readNames(join(repositoryDir, directory));
    // Publishing renames files in the repository's own directory, so its stamp says nothing.
    const relevant = directory === '' ? [...packages, ...folders].toSorted() : undefined;
    directories.set(directory, { stamp, nameCount, relevant });
    const locationOf = (name: string): string => (directory === '' ? name : `${directory}/${name}`);
    for (const name of packages) locations.push(locationOf(name));
    for (const name of folders) await collect(locationOf(name));
  }
}

/**
 * Looks whether nothing but these steps has changed the names since they were known, without reading them all.
 * @param steps in any order: each begins with the stamp that another one ended with.
 * @returns what is known now; undefined when something else has changed, or may have.
 */
export async function followSteps(
  repositoryDir: string,
  known: KnownDirectories,
  steps: readonly PlacedStep[],
): Promise<KnownDirectories | undefined> {
  const stepsOf = Map.groupBy(steps, ({ location }) => dirname(location));
  const directories = new Map(
    [...known].map(([path, directory]) => [path, follow(directory, stepsOf.get(path) ?? [])]),
  );
  for (const [path, { stamp, relevant }] of directories) {
    if (relevant === undefined && directoryStamp(join(repositoryDir, path)) !== stamp) return undefined;
    if (relevant !== undefined && !(await holds(join(repositoryDir, path), relevant))) return undefined;
  }
  return directories;
}

/**
 * Counts the names. Before Linux 6.13 two changes within a tick of the kernel's clock (1 to 4 ms) leave one stamp; when one
 * of them is not ours, the count is another one.
 */
export async function haveNameCounts(repositoryDir: string, directories: KnownDirectories): Promise<boolean> {
  for (const [path, { nameCount, relevant }] of directories) {
    if (relevant !== undefined) continue;
    const names = await readdir(join(repositoryDir, path)).catch(() => []);
    if (names.length !== nameCount) return false;
  }
  return true;
}

/** Steps that begin with no stamp of this chain were made before the names were read. */
function follow(directory: KnownDirectory, steps: readonly PlacedStep[]): KnownDirectory {
  const stepsFrom = Map.groupBy(steps, ({ before }) => before);
  let { stamp, nameCount } = directory;
  for (let made = stepsFrom.get(stamp); made !== undefined; made = stepsFrom.get(stamp)) {
    stepsFrom.delete(stamp);
    nameCount += made.filter(({ isNewName }) => isNewName).length;
    // Others were made within the same tick.
    stamp = made.find(({ before, after }) => before !== after)?.after ?? stamp;
  }
  return { ...directory, stamp, nameCount };
}

async function holds(directory: string, relevant: readonly string[]): Promise<boolean> {
  const { packages, folders } = await readNames(directory);
  const found = [...packages, ...folders].toSorted();
  return found.length === relevant.length && found.every((name, index) => name === relevant[index]);
}

async function readNames(directory: string): Promise<{
  readonly packages: readonly string[];
  readonly folders: readonly string[];
  readonly nameCount: number;
}> {
  const packages: string[] = [];
  const folders: string[] = [];
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries) {
    const { name } = entry;
    if (name.startsWith('.') || name === 'repodata' || BREAKS_LINES.test(name)) continue;
    if (entry.isDirectory()) folders.push(name);
    else if (entry.isFile() && name.endsWith('.rpm')) packages.push(name);
  }
  return { packages, folders, nameCount: entries.length };
}
