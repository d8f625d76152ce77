import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../errors.ts';

/** What lies in a directory, each thing once; paths are relative to it. */
export interface WalkedTree {
  /** Regular files whose names end in `.rpm`. */
  readonly packages: readonly string[];
  /** The directories that hold a `repodata` directory; `''` is the walked one itself. */
  readonly indexed: readonly string[];
  /** Symbolic links to files or directories that may be packages; none is followed. */
  readonly links: readonly string[];
  /** Delta packages (`.drpm`). */
  readonly deltas: readonly string[];
  /** Entries that cannot be listed or are no regular files, with the reason. */
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[];
  /** Names that begin with a dot, and all that is in them. */
  readonly hiddenCount: number;
  readonly otherCount: number;
}

type Found = { -readonly [Key in keyof WalkedTree]: WalkedTree[Key] extends number ? number : string[] };
type Collected = Omit<Found, 'unreadable'> & { unreadable: { path: string; reason: string }[] };

/** Lists a tree without following a link and without looking into a file. */
export async function walkTree(root: string): Promise<WalkedTree> {
  const collected: Collected = {
    packages: [],
    indexed: [],
    links: [],
    deltas: [],
    unreadable: [],
    hiddenCount: 0,
    otherCount: 0,
  };
  await walk(root, '', collected);
  return collected;
}

async function walk(root: string, directory: string, into: Collected): Promise<void> {
  const entries = await readdir(join(root, directory), { withFileTypes: true }).catch((error: unknown) => {
    into.unreadable.push({ path: directory === '' ? '.' : directory, reason: explainError(error) });
    return [];
  });
  // In order of name, so that two runs say the same.
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry;
    const path = directory === '' ? name : `${directory}/${name}`;
    if (name.startsWith('.')) into.hiddenCount += 1;
    else if (entry.isSymbolicLink()) into.links.push(path);
    else if (entry.isDirectory() && name === 'repodata') into.indexed.push(directory);
    else if (entry.isDirectory()) await walk(root, path, into);
    else if (name.endsWith('.drpm')) into.deltas.push(path);
    else if (!name.endsWith('.rpm')) into.otherCount += 1;
    else if (entry.isFile()) into.packages.push(path);
    else into.unreadable.push({ path, reason: await readKind(join(root, path)) });
  }
}

async function readKind(path: string): Promise<string> {
  try {
    await lstat(path);
    return 'it is no regular file';
  } catch (error) {
    // A name that is no UTF-8 leads nowhere.
    return explainError(error);
  }
}

function explainError(error: unknown): string {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  return `it cannot be read (${errno})`;
}
