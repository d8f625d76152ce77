import { type BigIntStats, lstatSync } from 'node:fs';

/**
 * Inode, size and mtime in ns: tells whether a name still leads to the same file. Links change ctime, and a device's
 * number may differ after a restart, so both are left out.
 */
export function toIdentity(stats: BigIntStats): string {
  return `${stats.ino}-${stats.size}-${stats.mtimeNs}`;
}

/** The identity of the file at a path, or of the link itself; undefined when there is none. */
export function identityAt(path: string): string | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : toIdentity(stats);
}

/**
 * Inode, mtime and ctime of a directory in ns: changes when a name in it is made or removed. Between two changes within
 * a tick of the kernel's clock it may stay (Linux 6.13 and later tell them apart:
 * Documentation/filesystems/multigrain-ts.rst).
 * @returns an empty text when there is no directory.
 */
export function directoryStamp(path: string): string {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino}-${stats.mtimeNs}-${stats.ctimeNs}`;
}
