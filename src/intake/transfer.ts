import { closeSync, openSync, readFileSync, type BigIntStats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '../errors.ts';
import { readFreeBytes } from '../base/files/free-bytes.ts';
import { closedTo, nearestExisting } from '../base/files/nearest-existing.ts';
import { sizeText } from '../base/text/size-text.ts';
import type { AdoptionPlan, PlannedPackage } from './plan-adoption.ts';

/** How the files of a plan get into the tree. */
export interface Transfer {
  readonly linkCount: number;
  readonly copyCount: number;
  readonly copyBytes: number;
  /** On the tree's file system; undefined when it does not say. */
  readonly freeBytes: number | undefined;
}

// Left for records, marks and first indexes; ingestion itself keeps room for the next index of each repository.
const FLOOR_BYTES = 16 * 1024 * 1024;

/**
 * Whether files can get a second name below a directory: it lies on the same mount (the kernel refuses links between
 * two bind mounts of one file system), and the file belongs to this user, as fs.protected_hardlinks demands: another
 * owner could go on writing into it.
 * @param directory need not be there yet.
 * @throws AppError TREE_UNUSABLE where this user may not look.
 */
export function createLinkCheck(directory: string): (path: string, stats: BigIntStats) => boolean {
  const existing = nearestExisting(directory);
  const device = statSync(existing, { bigint: true }).dev;
  const mount = mountOfTree(existing);
  const uid = BigInt(process.geteuid?.() ?? -1);
  const mounts = new Map<string, string>();
  return (path, stats) => {
    if (stats.dev !== device || stats.uid !== uid) return false;
    const parent = dirname(path);
    const known = mounts.get(parent) ?? findMount(parent);
    mounts.set(parent, known);
    return known === mount;
  };
}

/** The room that a plan takes on the tree's file system. */
export function measureTransfer({ packages }: AdoptionPlan, directory: string): Transfer {
  const missing = packages.filter(({ missingIn }) => missingIn.length > 0);
  const copied = missing.filter((one) => !isLinked(one));
  return {
    linkCount: missing.length - copied.length,
    copyCount: copied.length,
    copyBytes: copied.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    freeBytes: readFreeBytes(nearestExisting(directory)),
  };
}

/** @throws AppError STORAGE_FULL when what is to be copied does not fit. */
export function checkRoom({ copyBytes, freeBytes }: Transfer, directory: string): void {
  const neededBytes = copyBytes + FLOOR_BYTES;
  if (copyBytes === 0 || freeBytes === undefined || freeBytes >= neededBytes) return;
  const fault = `${sizeText(neededBytes)} are needed at ${directory} and ${sizeText(freeBytes)} are free`;
  throw new AppError('STORAGE_FULL', fault, {
    hint: 'Free disk space, or give the packages to the user of the service (chown) on the mount of the tree: they are then linked and take no room.',
  });
}

function isLinked({ sources: [source] }: PlannedPackage): boolean {
  return source.isLinkable;
}

/** @throws AppError TREE_UNUSABLE for any other user than its owner. */
function mountOfTree(directory: string): string {
  try {
    return findMount(directory);
  } catch (error) {
    throw closedTo(directory, error);
  }
}

/** Source: proc_pid_fdinfo(5), "mnt_id". */
function findMount(directory: string): string {
  const descriptor = openSync(directory, 'r');
  try {
    const text = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
    return /^mnt_id:\s*(?<id>\d+)$/m.exec(text)?.groups?.['id'] ?? '';
  } finally {
    closeSync(descriptor);
  }
}
