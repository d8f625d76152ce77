import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createStateLayout } from '../storage/state-layout.ts';
import { newToken } from './token-hash.ts';

/**
 * Makes the token that commands on this machine send to the service: a user who may read the state directory's private
 * files may do everything. It lives as long as the process.
 */
export function writeLocalToken(stateDir: string): string {
  const token = newToken();
  const path = createStateLayout(stateDir).localTokenFile;
  // Writing would keep the mode of a file that is there already.
  rmSync(path, { force: true });
  writeFileSync(path, token, { mode: 0o600, flag: 'wx' });
  return token;
}

/** Undefined when there is none, or this user may not read it. */
export function readLocalToken(stateDir: string): string | undefined {
  try {
    return readFileSync(createStateLayout(stateDir).localTokenFile, 'utf8');
  } catch {
    return undefined;
  }
}
