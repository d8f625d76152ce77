import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  linkSync,
  openSync,
  unlinkSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, errnoOf } from '../errors.ts';
import { identityOf } from './survey-packages.ts';

/** Who the staged file is to belong to; only root can give it to somebody. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

export interface StagedFile {
  readonly path: string;
  readonly isLinked: boolean;
}

// Without O_NONBLOCK, opening a named pipe would wait for a writer.
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
// What a package has in the tree.
const PACKAGE_MODE = 0o644;
// Another mount; a file that the kernel lets only its owner link (or that is immutable); one with too many names.
const NOT_LINKABLE = new Set(['EXDEV', 'EPERM', 'EMLINK']);

/**
 * Gives a surveyed file a name of ours in `incomingDir`, as a link where that is possible and wanted, else as a copy.
 * Root may run this over a directory of somebody who changes it meanwhile: nothing but the file that was surveyed is
 * linked, read or given away.
 * @throws AppError STORAGE_FAILED when the file is not the surveyed one any more; the error of the file system.
 */
export async function stageFile(
  source: { readonly path: string; readonly identity: string },
  to: {
    readonly incomingDir: string;
    readonly isLinkWanted: boolean;
    /** Undefined: it stays as it comes. */
    readonly owner: FileOwner | undefined;
  },
): Promise<StagedFile> {
  const path = join(to.incomingDir, randomUUID());
  const descriptor = openSame(source.path, source.identity);
  try {
    const isLinked = to.isLinkWanted && tryLink(source.path, path);
    // By the descriptor: the name may lead elsewhere by now.
    if (!isLinked) await copyFile(`/proc/self/fd/${descriptor}`, path, COPY_MODE);
    try {
      give(path, isLinked ? source.identity : undefined, to.owner);
    } catch (error) {
      unlinkSync(path);
      throw error;
    }
    return { path, isLinked };
  } finally {
    closeSync(descriptor);
  }
}

// The blocks are shared where the file system can do that.
const COPY_MODE = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;

function openSame(path: string, identity: string): number {
  const descriptor = openSync(path, READ_ONLY);
  try {
    checkSame(descriptor, identity);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function checkSame(descriptor: number, identity: string): void {
  const stats = fstatSync(descriptor, { bigint: true });
  if (stats.isFile() && identityOf(stats) === identity) return;
  throw new AppError('STORAGE_FAILED', 'the file was changed or replaced since it was looked at', {
    hint: 'Let nothing write to the directory meanwhile, and run the command again.',
  });
}

function tryLink(existing: string, path: string): boolean {
  try {
    linkSync(existing, path);
    return true;
  } catch (error) {
    if (NOT_LINKABLE.has(errnoOf(error) ?? '')) return false;
    throw error;
  }
}

/** @param identity of the file that a link must lead to. */
function give(path: string, identity: string | undefined, owner: FileOwner | undefined): void {
  const descriptor = openSync(path, READ_ONLY);
  try {
    if (identity !== undefined) checkSame(descriptor, identity);
    if (owner !== undefined) fchownSync(descriptor, owner.uid, owner.gid);
    fchmodSync(descriptor, PACKAGE_MODE);
  } finally {
    closeSync(descriptor);
  }
}
