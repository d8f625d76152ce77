import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError, sqliteFaultOf, toAppError } from '../errors.ts';

/** Where the lock of a directory lies, and who has it. */
export interface LockFiles {
  readonly lockFile: string;
  readonly ownerFile: string;
}

export interface TreeLock {
  readonly release: () => void;
}

/**
 * Takes a directory for this process. The lock is an open exclusive SQLite transaction, which any death of its owner
 * releases; a pid file would outlive its process. The file beside it only names the owner, for people.
 * @param files of the state directory, or of the top directory (another service may share only one of them).
 * @throws AppError TREE_LOCKED naming the owner, TREE_UNUSABLE.
 */
export function lockTree({ lockFile, ownerFile }: LockFiles): TreeLock {
  const database = openExclusively(lockFile, ownerFile);
  const owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  writeOwner(ownerFile, JSON.stringify(owner));
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}

/** True while a process owns the directory. Creates and changes nothing. */
export function isLocked({ lockFile }: Pick<LockFiles, 'lockFile'>): boolean {
  if (!existsSync(lockFile)) return false;
  const database = new DatabaseSync(lockFile, { readOnly: true });
  try {
    database.prepare('SELECT * FROM sqlite_schema').all();
    return false;
  } catch (error) {
    if (sqliteFaultOf(error) === 'busy') return true;
    throw unusable(lockFile, error);
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

function openExclusively(lockFile: string, ownerFile: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(lockFile);
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (cause) {
    database?.close();
    if (sqliteFaultOf(cause) === 'busy') {
      throw new AppError(
        'TREE_LOCKED',
        `another service owns ${dirname(lockFile)}: ${describeOwner(ownerFile)}`,
        {
          hint: 'Stop that service first, or give this one a tree and a state directory of its own.',
          cause,
        },
      );
    }
    throw unusable(lockFile, cause);
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
