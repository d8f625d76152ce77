import { lstatSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, errnoOf } from '../../errors.ts';

/** The file or directory that a path below /repo/ leads to. */
export type RepositoryEntry =
  | { readonly kind: 'file'; readonly path: string; readonly name: string }
  | { readonly kind: 'directory'; readonly path: string };

export interface ListedEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/**
 * Finds the file or directory that a URL path below the top directory leads to. Dot segments and symbolic links lead
 * nowhere: the service serves only what lies in the tree.
 * @param topDir an absolute path without links in it.
 * @param path decoded, without a leading slash.
 * @throws AppError NOT_FOUND.
 */
export async function findRepositoryEntry(topDir: string, path: string): Promise<RepositoryEntry> {
  const segments = path.split('/').filter((segment) => segment !== '');
  if (path.includes('\0') || segments.some((segment) => segment.startsWith('.'))) throw notFound();
  const full = join(topDir, ...segments);
  const found = await statWithoutLinks(full);
  if (found.isFile() && !path.endsWith('/')) return { kind: 'file', path: full, name: segments.at(-1) ?? '' };
  if (found.isDirectory()) return { kind: 'directory', path: full };
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

/** The names that a directory's listing may show, in no order: of files and directories, not of links. */
export async function namesToList(directory: string): Promise<readonly string[]> {
  const found = await readdir(directory, { withFileTypes: true });
  return found
    .filter((entry) => !entry.name.startsWith('.') && (entry.isDirectory() || entry.isFile()))
    .map(({ name }) => name);
}

/** Undefined when the file is gone. */
export function describeEntry(directory: string, name: string): ListedEntry | undefined {
  const found = lstatSync(join(directory, name), { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  return { name, isDirectory: found.isDirectory(), sizeBytes: found.size, modifiedMs: found.mtimeMs };
}

function isAbsent(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EACCES'].includes(errnoOf(error) ?? '');
}

function notFound(): AppError {
  return new AppError('NOT_FOUND', 'there is nothing under this path', {
    hint: 'See /repo/ for what there is.',
  });
}
