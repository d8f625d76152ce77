import { lstatSync } from 'node:fs';
import { AppError, errnoOf } from '../errors.ts';
import { nearestExisting } from '../base/files/nearest-existing.ts';

// In the order in which os.tmpdir() asks for them.
const TEMPORARY_FOLDERS = ['TMPDIR', 'TMP', 'TEMP'];

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Turns root into the user who owns the folders of a service, for good. What root makes must belong to that user. The
 * owner of a folder may exchange its content at any moment, so the command does nothing there with root's rights. For
 * any other user nothing changes.
 * @param folders the first one decides; when none is there yet, the directory above it does.
 * @throws AppError TREE_UNUSABLE when it is not clear who owns them.
 */
export function becomeOwner(folders: readonly [string, ...string[]]): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = findOwner(folders);
  if (uid === 0) return;
  takeGroups(uid, gid);
  process.setgid?.(gid);
  process.setuid?.(uid);
  // Root's own folders: the owner could not use them, or should not.
  process.env['HOME'] = '/';
  for (const name of TEMPORARY_FOLDERS) delete process.env[name];
  // A program starts in this process's directory; root may be in one that the owner may not enter.
  process.chdir('/');
}

/**
 * Becomes the owner of the folders where that is possible.
 * @param command for the hint.
 * @throws AppError TREE_UNUSABLE also when they belong to another user: the service could not use what this process
 * makes.
 */
export function demandOwner(folders: readonly [string, ...string[]], command: string): void {
  becomeOwner(folders);
  const uid = process.getuid?.();
  const nearest = nearestExisting(folders[0]);
  const owner = lstatSync(nearest).uid;
  if (uid === undefined || uid === owner) return;
  throw new AppError(
    'TREE_UNUSABLE',
    `${nearest} belongs to the user with the number ${owner}, this is ${uid}`,
    {
      hint: `Run the command as root or as the user of the service: runuser -u <user> -- rpmyard ${command} ...`,
    },
  );
}

/** Links are not followed: a user who may exchange a folder could choose an owner with a link. */
function findOwner(folders: readonly [string, ...string[]]): Owner {
  const present = folders.flatMap(lookAt);
  const looked = present.length > 0 ? present : lookAt(nearestExisting(folders[0]));
  const [first, ...others] = looked;
  const isClear = first !== undefined && others.every(({ uid }) => uid === first.uid);
  if (isClear && looked.every(({ isLink }) => !isLink)) return first;
  const found = looked.map(({ path, uid, isLink }) => `${path} (${isLink ? 'a link, ' : ''}user ${uid})`);
  throw new AppError('TREE_UNUSABLE', `it cannot be said whose the service is: ${found.join(', ')}`, {
    hint: 'Give all of them to the user of the service and let none be a symbolic link, or run the command as that user: runuser -u <user> -- rpmyard ...',
  });
}

/** An empty list for a folder that is not there. */
function lookAt(path: string): readonly (Owner & { readonly path: string; readonly isLink: boolean })[] {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return [];
    return [{ path, uid: stats.uid, gid: stats.gid, isLink: stats.isSymbolicLink() }];
  } catch (error) {
    // A file lies where a directory should; the code that needs the folder reports it.
    if (errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

function takeGroups(uid: number, gid: number): void {
  // @types/node does not have it. A user id without a name has no groups.
  if (!('initgroups' in process) || typeof process.initgroups !== 'function') return;
  try {
    process.initgroups(uid, gid);
  } catch {
    process.setgroups?.([gid]);
  }
}
