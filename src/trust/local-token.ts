import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newToken } from './token-hash.ts';

const FILE_NAME = 'local-token';

/**
 * Makes the token that commands on this machine send to the service: a user who may read the state directory's private
 * files may do everything. It lives as long as the process.
 */
export function writeLocalToken(stateDir: string): string {
  const token = newToken();
  const path = join(stateDir, FILE_NAME);
  // Writing would keep the mode of a file that is there already.
  rmSync(path, { force: true });
  writeFileSync(path, token, { mode: 0o600, flag: 'wx' });
  return token;
}

/** Undefined when there is none, or this user may not read it. */
export function readLocalToken(stateDir: string): string | undefined {
  try {
    return readFileSync(join(stateDir, FILE_NAME), 'utf8');
  } catch {
    return undefined;
  }
}
