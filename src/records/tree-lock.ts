import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../errors.ts';

export interface TreeLock {
  readonly release: () => void;
}

/**
 * Takes the tree for this process. The lock is an open exclusive SQLite transaction, which any death of its owner
 * releases; a pid file would outlive its process. The file beside it only names the owner, for people.
 * @throws AppError TREE_LOCKED naming the owner.
 */
export function lockTree(stateDir: string): TreeLock {
  const ownerFile = join(stateDir, 'owner.json');
  const database = new DatabaseSync(join(stateDir, 'lock.sqlite'));
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new AppError('TREE_LOCKED', `another service owns ${stateDir}: ${describeOwner(ownerFile)}`, {
      hint: 'Stop that service first, or give this one a tree and a state directory of its own.',
      cause,
    });
  }
  const owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  writeFileSync(ownerFile, JSON.stringify(owner));
  return { release: () => database.close() };
}

function describeOwner(ownerFile: string): string {
  try {
    return readFileSync(ownerFile, 'utf8');
  } catch {
    return 'its name is not readable';
  }
}
