import { relative } from 'node:path';

/** Whether a path is a directory or lies below it, by their names alone. Both are absolute. */
export function isInside(path: string, directory: string): boolean {
  const [first] = relative(directory, path).split('/');
  return first !== '..';
}
