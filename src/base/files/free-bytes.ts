import { statfsSync } from 'node:fs';

/** Bytes that the service may still write on the file system of a path; undefined when the file system does not say. */
export function readFreeBytes(path: string): number | undefined {
  const { bavail, blocks, bsize } = statfsSync(path);
  return blocks === 0 ? undefined : bavail * bsize;
}
