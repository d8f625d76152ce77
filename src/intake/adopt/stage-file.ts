import { randomUUID } from 'node:crypto';
import { closeSync, constants, fchmodSync, fstatSync, linkSync, rmSync } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, errnoOf } from '../../errors.ts';
import { openToRead } from '../../base/files/open-to-read.ts';
import { identifySource } from './survey-packages.ts';

export interface StagedFile {
  readonly path: string;
  readonly isLinked: boolean;
}

// What a package has in the tree.
const PACKAGE_MODE = 0o644;
// A name that leads nowhere or is a symbolic link by now, as is one above it.
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
// Another mount; a file that the kernel lets only its owner link (or that is immutable); one with too many names.
const NOT_LINKABLE = new Set(['EXDEV', 'EPERM', 'EMLINK']);

/**
 * Gives a surveyed file a name in `incomingDir`, as a link where that is possible and wanted, else as a copy. It takes
 * only the very file that was surveyed, even if its directory changes meanwhile.
 * @throws AppError SOURCE_CHANGED when the file is not the surveyed one any more; the error of the file system.
 */
export async function stageFile(
  source: { readonly path: string; readonly identity: string },
  to: { readonly incomingDir: string; readonly isLinkWanted: boolean },
): Promise<StagedFile> {
  const path = join(to.incomingDir, randomUUID());
  const descriptor = openSame(source.path, source.identity);
  try {
    const isLinked = to.isLinkWanted && tryLink(source.path, path);
    try {
      if (isLinked) checkLink(path, source.identity);
      else await copyTo(path, descriptor);
    } catch (error) {
      rmSync(path, { force: true });
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
    return openToRead(path);
  } catch (error) {
    throw GONE.has(errnoOf(error) ?? '') ? changed(error) : error;
  }
}

function checkSame(descriptor: number, identity: string): void {
  const stats = fstatSync(descriptor, { bigint: true });
  if (!stats.isFile() || identifySource(stats) !== identity) throw changed();
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
function checkLink(path: string, identity: string): void {
  const descriptor = openSource(path);
  try {
    checkSame(descriptor, identity);
    fchmodSync(descriptor, PACKAGE_MODE);
  } finally {
    closeSync(descriptor);
  }
}

/** By its descriptor: the source's name may lead elsewhere by now. */
async function copyTo(path: string, source: number): Promise<void> {
  // The blocks are shared where the file system can do that.
  await copyFile(`/proc/self/fd/${source}`, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(path, PACKAGE_MODE);
}
