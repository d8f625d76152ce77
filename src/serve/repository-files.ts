import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, errnoOf } from '../errors.ts';

/** What a path below /repo/ leads to. */
export type RepositoryEntry =
  | { readonly kind: 'file'; readonly path: string; readonly name: string }
  | { readonly kind: 'directory'; readonly entries: readonly ListedEntry[] };

export interface ListedEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/**
 * Finds what a URL path below the top directory leads to. Dot segments lead nowhere, and neither do symbolic links:
 * what is served is what lies in the tree.
 * @param topDir an absolute path without links in it.
 * @param path decoded, without a leading slash.
 * @throws AppError NOT_FOUND.
 */
export async function findRepositoryEntry(topDir: string, path: string): Promise<RepositoryEntry> {
  const segments = path.split('/').filter((segment) => segment !== '');
  if (path.includes('\0') || segments.some((segment) => segment.startsWith('.'))) throw notFound();
  const full = join(topDir, ...segments);
  const found = await statWithoutLinks(full);
  if (found.isFile()) return { kind: 'file', path: full, name: segments.at(-1) ?? '' };
  if (found.isDirectory()) return { kind: 'directory', entries: await listDirectory(full) };
  throw notFound();
}

async function statWithoutLinks(full: string): Promise<Awaited<ReturnType<typeof stat>>> {
  try {
    if ((await realpath(full)) !== full) throw notFound();
    return await stat(full);
  } catch (error) {
    if (isAbsent(error)) throw notFound();
    throw error;
  }
}

async function listDirectory(full: string): Promise<readonly ListedEntry[]> {
  const names = (await readdir(full, { withFileTypes: true })).filter(
    (entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isFile()),
  );
  const entries = await Promise.all(names.map((entry) => describe(full, entry.name)));
  return entries
    .filter((entry) => entry !== undefined)
    .toSorted((a, b) => Number(b.isDirectory) - Number(a.isDirectory) || (a.name < b.name ? -1 : 1));
}

async function describe(full: string, name: string): Promise<ListedEntry | undefined> {
  try {
    const found = await stat(join(full, name));
    return { name, isDirectory: found.isDirectory(), sizeBytes: found.size, modifiedMs: found.mtimeMs };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(errnoOf(error) ?? '');
}

function notFound(): AppError {
  return new AppError('NOT_FOUND', 'there is nothing under this path', {
    hint: 'See /repo/ for what there is.',
  });
}
