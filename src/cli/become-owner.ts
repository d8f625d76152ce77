import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { AppError, errnoOf } from '../errors.ts';
import { nearestExisting } from '../nearest-existing.ts';

/** Who a path belongs to, or would when it is made. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
  /** Undefined for a user whom the machine has no name for. */
  readonly name: string | undefined;
}

// In the order in which os.tmpdir() asks for them.
const TEMPORARY_FOLDERS = ['TMPDIR', 'TMP', 'TEMP'];

/**
 * Root goes on as the owner of a path, or of the nearest directory above it that is there, for good: what it makes must
 * belong to the user of the service, and what it runs (gpg) must not do so as root. Nothing changes for anybody else.
 */
export function becomeOwner(path: string): void {
  const owner = strangerAt(path);
  if (owner === undefined) return;
  takeGroups(owner);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
  // Root's own: the owner could not use them, or should not.
  process.env['HOME'] = '/';
  for (const name of TEMPORARY_FOLDERS) delete process.env[name];
  // A program is started where this process is, and root may be where the owner may not.
  process.chdir('/');
}

/**
 * Runs something as the owner of a path, as becomeOwner() does, and goes on as root.
 * Nothing else may run meanwhile, and the work must leave nothing running behind it, above all when it rejects: the user is
 * the whole process's, and what is left would go on as root in a directory of somebody else's.
 */
export async function asOwner<T>(path: string, work: () => Promise<T>): Promise<T> {
  const owner = strangerAt(path);
  if (owner === undefined) return work();
  const groups = process.getgroups?.() ?? [];
  try {
    takeGroups(owner);
    process.setegid?.(owner.gid);
    process.seteuid?.(owner.uid);
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
    process.setgroups?.(groups);
  }
}

/** Whom root would become at a path; undefined for who is not root, and where root itself owns it. */
export function strangerAt(path: string): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(nearestExisting(path));
  return uid === 0 ? undefined : ownerOf(uid, gid);
}

/**
 * Becomes the owner of a path where that is possible.
 * @param command for the hint.
 * @throws AppError TREE_UNUSABLE when it belongs to somebody else: the service could not use what this process makes.
 */
export function demandOwner(path: string, command: string): void {
  becomeOwner(path);
  checkMayOwn(path, command);
}

/** @throws AppError TREE_UNUSABLE for a user who neither is the owner of a path nor can become it. */
export function checkMayOwn(path: string, command: string): void {
  const uid = process.getuid?.();
  const nearest = nearestExisting(path);
  const owner = statSync(nearest).uid;
  if (uid === undefined || uid === 0 || uid === owner) return;
  throw new AppError(
    'TREE_UNUSABLE',
    `${nearest} belongs to the user with the number ${owner}, this is ${uid}`,
    {
      hint: `Run the command as root or as the user of the service: runuser -u <user> -- rpmyard ${command} ...`,
    },
  );
}

function takeGroups({ name, gid }: Owner): void {
  // @types/node does not have it.
  if (name !== undefined && 'initgroups' in process && typeof process.initgroups === 'function') {
    process.initgroups(name, gid);
  } else {
    process.setgroups?.([gid]);
  }
}

/** Node looks up the name and the group of the effective user alone. */
function ownerOf(uid: number, gid: number): Owner {
  process.seteuid?.(uid);
  try {
    const user = userInfo();
    return { uid, gid: user.gid, name: user.username };
  } catch (error) {
    // ENOENT of uv_os_get_passwd: the number has no name.
    if (errnoOf(error) === undefined) throw error;
    return { uid, gid, name: undefined };
  } finally {
    process.seteuid?.(0);
  }
}
