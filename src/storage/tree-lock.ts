import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError, sqliteFaultOf, toAppError } from '../errors.ts';

const LOCK_FILE = 'lock.sqlite';

export interface TreeLock {
  readonly release: () => void;
}

/**
 * Takes a directory for this process. The lock is an open exclusive SQLite transaction, which any death of its owner
 * releases; a pid file would outlive its process. The file beside it only names the owner, for people.
 * @param directory the state directory, or the top directory (another service may share only one of them).
 * @param prefix begins the names of the files; a dot keeps them from being served.
 * @throws AppError TREE_LOCKED naming the owner, TREE_UNUSABLE.
 */
export function lockTree(directory: string, prefix = ''): TreeLock {
  const ownerFile = join(directory, `${prefix}owner.json`);
  const database = openExclusively(directory, `${prefix}${LOCK_FILE}`, ownerFile);
  const owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  writeOwner(ownerFile, JSON.stringify(owner));
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}

/** True while a process owns the directory. Creates and changes nothing. */
export function isLocked(directory: string): boolean {
  const path = join(directory, LOCK_FILE);
  if (!existsSync(path)) return false;
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    database.prepare('SELECT * FROM sqlite_schema').all();
    return false;
  } catch (error) {
    if (sqliteFaultOf(error) === 'busy') return true;
    throw unusable(path, error);
  } finally {
    database.close();
  }
}

/** Only for people: a disk that is too full for it must not keep the service from starting. */
function writeOwner(ownerFile: string, owner: string): void {
  try {
    writeFileSync(ownerFile, owner);
  } catch (error) {
    if (toAppError(error).code !== 'STORAGE_FULL') throw unusable(ownerFile, error);
  }
}

function openExclusively(directory: string, lockFile: string, ownerFile: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, lockFile));
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (cause) {
    database?.close();
    if (sqliteFaultOf(cause) === 'busy') {
      throw new AppError('TREE_LOCKED', `another service owns ${directory}: ${describeOwner(ownerFile)}`, {
        hint: 'Stop that service first, or give this one a tree and a state directory of its own.',
        cause,
      });
    }
    throw unusable(join(directory, lockFile), cause);
  }
}

function unusable(path: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AppError('TREE_UNUSABLE', `${path} cannot be used: ${reason}`, {
    hint: 'Look at the rights (was the service started as another user before?) and at the disk; a damaged lock.sqlite may be removed while no service runs.',
    cause,
  });
}

function describeOwner(ownerFile: string): string {
  try {
    return readFileSync(ownerFile, 'utf8');
  } catch {
    return 'its name is not readable';
  }
}
