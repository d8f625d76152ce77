import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppError, errnoOf, printable } from '../../errors.ts';
import { FileFault } from './file-fault.ts';

export const REJECTED_DIRECTORY = 'rejected';

/** Why a dropped file was refused. */
export interface RefusedDrop {
  readonly error: AppError;
  /** Of what was read of it. */
  readonly sha256: string | undefined;
}

/** A file of the drop directory that has to be moved. */
export interface Rejection {
  /** The drop directory. */
  readonly directory: string;
  readonly name: string;
  readonly refusal: RefusedDrop;
  readonly nowMs: number;
}

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_WRONLY, O_CREAT, O_EXCL } = constants;

const PUBLIC_DIRECTORY_MODE = 0o755;
const PUBLIC_FILE_MODE = 0o644;
// A name may have 255 bytes, and `.txt` needs four.
const MAX_TEXT_NAME_BYTES = 240;
// A directory or a file lies in the way of the other kind.
const IN_THE_WAY = new Set(['EISDIR', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST']);

/**
 * Moves a file of the drop directory into `rejected/`, with `<name>.txt` beside it that says why; both replace those of
 * an earlier file of that name. The text is there first: a file in `rejected` always has its reason.
 *
 * A user who may write into the drop directory may put a link or a directory of his own in the place of `rejected`. So
 * it is opened without following links, must belong to this user, and is then only reached through its descriptor.
 * @throws FileFault STORAGE_FAILED when `rejected` belongs to another user; the error of the file system.
 */
export async function moveToRejected(rejection: Rejection): Promise<void> {
  const { directory, name } = rejection;
  await using rejected = await openRejected(join(directory, REJECTED_DIRECTORY));
  const inside = (entry: string): string => `/proc/self/fd/${rejected.fd}/${entry}`;
  const textPath = inside(nameReason(name));
  await rm(textPath, { force: true });
  await writeFile(textPath, renderReason(rejection), {
    flag: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
    mode: PUBLIC_FILE_MODE,
  });
  try {
    await moveOver(join(directory, name), inside(name), inside);
  } catch (error) {
    await rm(textPath, { force: true });
    throw error;
  }
}

async function openRejected(path: string): Promise<FileHandle> {
  const isNew = await makeDirectory(path);
  const rejected = await openDirectory(path);
  try {
    const { uid } = await rejected.stat();
    if (uid !== process.geteuid?.()) throw notOurs(path, `belongs to user ${uid}`);
    // With any umask: the user who dropped a file must be able to read why it was refused.
    if (isNew) await rejected.chmod(PUBLIC_DIRECTORY_MODE);
    return rejected;
  } catch (error) {
    await rejected.close();
    throw error;
  }
}

/** True when it was not there. */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path, PUBLIC_DIRECTORY_MODE);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function openDirectory(path: string): Promise<FileHandle> {
  try {
    return await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    // Linux says ENOTDIR of a link when both flags are given.
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ELOOP') throw notOurs(path, 'is no directory');
    throw error;
  }
}

function notOurs(path: string, fault: string): AppError {
  return new FileFault('STORAGE_FAILED', `${path} ${fault}, so that no refused file is moved there`, {
    hint: 'Remove it; the service makes a directory of its own.',
  });
}

async function moveOver(from: string, to: string, inside: (entry: string) => string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!IN_THE_WAY.has(errnoOf(error) ?? '')) throw error;
    // A directory is never removed with its content: another user owns that and could exchange it meanwhile.
    await rename(to, inside(`replaced-${randomUUID()}`));
    await rename(from, to);
  }
}

function nameReason(name: string): string {
  return `${Buffer.from(name).subarray(0, MAX_TEXT_NAME_BYTES).toString()}.txt`;
}

function renderReason({ name, refusal, nowMs }: Rejection): string {
  const { error, sha256 } = refusal;
  const lines = [
    `Refused: ${new Date(nowMs).toISOString()}`,
    `File: ${name}`,
    `Code: ${error.code}`,
    `Reason: ${error.message}`,
    `What to do: ${error.hint}`,
    ...(sha256 === undefined ? [] : [`SHA-256: ${sha256}`]),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}
