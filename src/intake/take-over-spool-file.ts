import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, fstatSync, linkSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError, errnoOf } from '../errors.ts';
import { openToRead } from '../base/files/open-to-read.ts';
import { spoolFileKind } from '../storage/spool-file-name.ts';
import { emptyBody } from './body-errors.ts';

/** A file in `incomingDir` whose name no client and no nginx knows. */
export interface IncomingFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Gives a body that nginx spooled a second name, before anything reads it: nginx removes its own name as soon as the
 * request ends, and the service checks and uses only the file behind its own name.
 * @param spoolPath the header's value; only `<spoolDir>/<10 digits>`, as nginx names its files, is taken.
 * @throws AppError SPOOL_PATH_REFUSED, EMPTY_BODY.
 */
export async function takeOverSpoolFile(
  spoolPath: string,
  folders: { readonly spoolDir: string; readonly incomingDir: string },
): Promise<IncomingFile> {
  const name = spoolPath.slice(folders.spoolDir.length + 1);
  if (join(folders.spoolDir, name) !== spoolPath || spoolFileKind(name) !== 'nginx') {
    throw refused('it does not name a file that nginx spooled');
  }
  const path = join(folders.incomingDir, randomUUID());
  linkSpoolFile(spoolPath, path);
  try {
    return { path, sizeBytes: checkedSize(path) };
  } catch (error) {
    unlinkSync(path);
    throw error;
  }
}

function linkSpoolFile(spoolPath: string, path: string): void {
  try {
    linkSync(spoolPath, path);
  } catch (error) {
    // ENOENT is also what a missing directory of ours gives, which is no fault of the request.
    if (errnoOf(error) === 'ENOENT' && existsSync(dirname(path))) throw refused('the file is not there');
    // A directory, or (with protected hard links) a file of another user.
    if (errnoOf(error) === 'EPERM') throw refused('it is no regular file of this user');
    throw error;
  }
}

function checkedSize(path: string): number {
  const descriptor = openNoFollow(path);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw refused('it is no regular file');
    if (stat.uid !== process.geteuid?.()) throw refused('another user owns the file');
    if (stat.size === 0) throw emptyBody();
    return stat.size;
  } finally {
    closeSync(descriptor);
  }
}

function openNoFollow(path: string): number {
  try {
    return openToRead(path);
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') throw refused('it is a symbolic link');
    if (errnoOf(error) === 'ENXIO') throw refused('it is a socket');
    throw error;
  }
}

function refused(reason: string): AppError {
  return new AppError('SPOOL_PATH_REFUSED', `the spool file header is refused: ${reason}`, {
    hint: 'Only the nginx in front may set this header; its client_body_temp_path must be server.spool_dir, and it must run as the user of this service.',
  });
}
