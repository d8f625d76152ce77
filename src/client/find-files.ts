import { accessSync, constants, globSync, realpathSync, statSync } from 'node:fs';
import { AppError, errnoOf } from '../errors.ts';
import type { SourceFile } from './push-options.ts';

const GLOB = /[*?[{]/;

/**
 * The files that the arguments mean, each once: names as they are, and patterns for systems whose shell leaves them
 * alone.
 * @throws AppError PARAMETER_INVALID before anything is sent; it names every argument that means no file.
 */
export function findFiles(args: readonly string[]): readonly SourceFile[] {
  const found = new Map<string, SourceFile>();
  const problems: string[] = [];
  for (const arg of args) {
    const { paths, problem } = toPaths(arg);
    if (problem !== undefined) problems.push(`${arg}: ${problem}`);
    for (const path of paths) {
      const file = lookAt(path);
      if (typeof file === 'string') problems.push(`${path}: ${file}`);
      else if (!found.has(realpathSync(path))) found.set(realpathSync(path), file);
    }
  }
  if (problems.length > 0) {
    throw new AppError('PARAMETER_INVALID', 'not all arguments name files that can be read', {
      hint: 'Nothing was sent. Name packages, or a pattern in quotes.',
      details: { problems },
    });
  }
  return [...found.values()];
}

interface Paths {
  readonly paths: readonly string[];
  readonly problem?: string;
}

function toPaths(arg: string): Paths {
  if (!GLOB.test(arg) || isThere(arg)) return { paths: [arg] };
  try {
    const paths = globSync(arg).filter(isMeant).toSorted();
    return paths.length === 0 ? { paths, problem: 'no file matches' } : { paths };
  } catch (error) {
    return { paths: [], problem: explainProblem(error) };
  }
}

/** False also for a path that cannot be examined, such as a pattern that is too long for a name. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** `**` finds directories as well, which the user does not mean; a path that cannot be examined may be meant. */
function isMeant(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch {
    return true;
  }
}

/** The file, or why it cannot be sent. */
function lookAt(path: string): SourceFile | string {
  try {
    const found = statSync(path);
    if (!found.isFile()) return found.isDirectory() ? 'it is a directory' : 'it is no regular file';
    accessSync(path, constants.R_OK);
    return { path, sizeBytes: found.size };
  } catch (error) {
    return explainProblem(error);
  }
}

function explainProblem(error: unknown): string {
  return errnoOf(error) === 'ENOENT' ? 'it does not exist' : `it cannot be read (${errnoOf(error)})`;
}
