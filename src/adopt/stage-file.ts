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
import { sourceIdentityOf } from './survey-packages.ts';

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
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
// What a package has in the tree.
const PACKAGE_MODE = 0o644;
// A name that leads nowhere or is a symbolic link by now, as is one above it.
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
// Another mount; a file that the kernel lets only its owner link (or that is immutable); one with too many names.
const NOT_LINKABLE = new Set(['EXDEV', 'EPERM', 'EMLINK']);

/**
 * Gives a surveyed file a name of ours in `incomingDir`, as a link where that is possible and wanted, else as a copy.
 * Root may run this over a directory of somebody who changes it meanwhile: nothing but the file that was surveyed is
 * linked, read or given away.
 * @throws AppError SOURCE_CHANGED when the file is not the surveyed one any more; the error of the file system.
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
    try {
      if (isLinked) giveLink(path, source.identity, to.owner);
      else await copyTo(path, descriptor, to.owner);
    } catch (error) {
      unlinkSync(path);
      throw error;
    }
    return { path, isLinked };
  } finally {
    closeSync(descriptor);
  }
}

function openSame(path: string, identity: string): number {
  const descriptor = openSource(path);
  try {
    checkSame(descriptor, identity);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function openSource(path: string): number {
  try {
    return openSync(path, READ_ONLY);
  } catch (error) {
    throw GONE.has(errnoOf(error) ?? '') ? changed(error) : error;
  }
}

function checkSame(descriptor: number, identity: string): void {
  const stats = fstatSync(descriptor, { bigint: true });
  if (!stats.isFile() || sourceIdentityOf(stats) !== identity) throw changed();
}

function changed(cause?: unknown): AppError {
  return new AppError('SOURCE_CHANGED', 'the file was changed, replaced or removed since it was looked at', {
    hint: 'Let nothing write to the directory meanwhile, and run the command again: it takes what is left.',
    cause,
  });
}

function tryLink(existing: string, path: string): boolean {
  try {
    linkSync(existing, path);
    return true;
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (NOT_LINKABLE.has(errno)) return false;
    throw GONE.has(errno) ? changed(error) : error;
  }
}

/** @param identity of the file that the link must lead to. */
function giveLink(path: string, identity: string, owner: FileOwner | undefined): void {
  const descriptor = openSource(path);
  try {
    checkSame(descriptor, identity);
    giveTo(owner, descriptor);
    fchmodSync(descriptor, PACKAGE_MODE);
  } finally {
    closeSync(descriptor);
  }
}

function giveTo(owner: FileOwner | undefined, descriptor: number): void {
  if (owner !== undefined) fchownSync(descriptor, owner.uid, owner.gid);
}

/** By descriptors alone: the source's name may lead elsewhere by now, and the owner of `incoming` may move ours. */
async function copyTo(path: string, source: number, owner: FileOwner | undefined): Promise<void> {
  const descriptor = openSync(path, NEW, 0o600);
  try {
    // Before the copy, which takes over the source's mode: a set-user-ID bit must never be on a file of root's.
    giveTo(owner, descriptor);
    // The blocks are shared where the file system can do that.
    const { COPYFILE_FICLONE } = constants;
    await copyFile(`/proc/self/fd/${source}`, `/proc/self/fd/${descriptor}`, COPYFILE_FICLONE);
    // Again: libuv takes over the source's owner too.
    giveTo(owner, descriptor);
    fchmodSync(descriptor, PACKAGE_MODE);
  } finally {
    closeSync(descriptor);
  }
}
