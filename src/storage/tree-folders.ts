import { link, realpath, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectoryDurable } from '../base/files/durable-files.ts';
import { AppError, errnoOf, toAppError } from '../errors.ts';
import { newProbeName } from './spool-file-name.ts';
import { createStateLayout, type StateLayout } from './state-layout.ts';

/** The directories of a service, absolute paths on one mount. */
export interface TreeFolders extends StateLayout {
  /** Without symbolic links in it. */
  readonly topDir: string;
  readonly spoolDir: string;
}

/** Where the folders are. */
export function pathsBelow(configured: {
  readonly topDir: string;
  readonly spoolDir: string;
  readonly stateDir: string;
}): TreeFolders {
  const { topDir, spoolDir, stateDir } = configured;
  return { ...createStateLayout(stateDir), topDir, spoolDir };
}

/** Creates what is missing. @throws AppError TREE_UNUSABLE. */
export async function prepareFolders(configured: {
  readonly topDir: string;
  readonly spoolDir: string;
  readonly stateDir: string;
}): Promise<TreeFolders> {
  const folders = pathsBelow(configured);
  const { topDir, spoolDir, stateDir, incomingDir, resumableDir, scratchRoot } = folders;
  try {
    await makeDirectoryDurable(topDir);
    // No other user may read uploads on their way, records and keys.
    for (const folder of [spoolDir, stateDir, incomingDir, resumableDir, scratchRoot])
      await makeDirectoryDurable(folder, 0o700);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('TREE_UNUSABLE', `the folders cannot be used: ${reason}`, {
      hint: `Create ${topDir}, ${spoolDir} and ${stateDir} for the user that runs this service.`,
      cause,
    });
  }
  const realTopDir = await realpath(topDir);
  for (const folder of [spoolDir, stateDir]) {
    if (!`${await realpath(folder)}/`.startsWith(`${realTopDir}/`)) continue;
    throw new AppError('TREE_UNUSABLE', `${folder} lies inside ${topDir} and would be served`, {
      hint: 'Choose a folder beside it.',
    });
  }
  return { ...folders, topDir: realTopDir };
}

/**
 * Proves that a package can go its way: a file from the spool into incoming and into the tree. Equal device numbers
 * would prove nothing, two bind mounts of one file system have them and refuse the link.
 * @throws AppError TREE_UNUSABLE.
 */
export async function checkFolders(folders: TreeFolders): Promise<void> {
  try {
    await tryFolders(folders);
  } catch (cause) {
    // A full disk is no reason to stay down: packages are still served, and uploads answer 507 until there is room.
    if (toAppError(cause).code === 'STORAGE_FULL') return;
    throw unusable(folders, cause);
  }
}

// What link(2) answers on exFAT and vfat, on network and FUSE file systems that know no hard links.
const NO_HARD_LINKS = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

function unusable({ spoolDir, incomingDir, topDir }: TreeFolders, cause: unknown): AppError {
  const all = `${spoolDir}, ${incomingDir} and ${topDir}`;
  const isLink = cause instanceof Error && 'syscall' in cause && cause.syscall === 'link';
  const errno = errnoOf(cause) ?? '';
  if (isLink && NO_HARD_LINKS.has(errno)) {
    return new AppError('TREE_UNUSABLE', `the file system of ${all} has no hard links (${errno})`, {
      hint: 'Put all three below one directory on a file system that has them, such as ext4, xfs or btrfs (exFAT and vfat do not).',
      cause,
    });
  }
  const fault =
    errno === 'EXDEV'
      ? `${all} do not lie on one mount: a file cannot be linked between them`
      : `a file cannot be created and linked in ${all}`;
  return new AppError('TREE_UNUSABLE', fault, {
    hint: 'Put all three below one directory on one mount, writable for the user of this service.',
    cause,
  });
}

/** Sends an empty package the way of an upload and removes it again. @throws the error of the file system. */
export async function tryFolders({ spoolDir, incomingDir, topDir }: TreeFolders): Promise<void> {
  const name = newProbeName();
  const paths = [spoolDir, incomingDir, topDir].map((folder) => join(folder, name));
  const [inSpool = '', inIncoming = '', inTree = ''] = paths;
  try {
    await writeFile(inSpool, 'probe');
    await link(inSpool, inIncoming);
    await link(inIncoming, inTree);
  } finally {
    for (const path of paths) await unlink(path).catch(() => undefined);
  }
}
