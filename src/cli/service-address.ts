import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ListenTarget } from '../base/config/load.ts';

const FILE_NAME = 'address';
const MODE = 0o600;

/**
 * Notes where the service of a state directory listens when the configuration says something else (`serve --port`), for the
 * commands that ask it.
 * @param address as startService() gives it.
 * @throws the error of the file system.
 */
export function noteServiceAddress(stateDir: string, address: string): void {
  // The mode of a file that is there already would stay.
  forgetServiceAddress(stateDir);
  writeFileSync(join(stateDir, FILE_NAME), address, { mode: MODE, flag: 'wx' });
}

/** Removes what an earlier service noted. */
export function forgetServiceAddress(stateDir: string): void {
  rmSync(join(stateDir, FILE_NAME), { force: true });
}

/** Undefined when it was not noted, or this user may not read it: then it is where the configuration says. */
export function readServiceAddress(stateDir: string): ListenTarget | undefined {
  try {
    const address = readFileSync(join(stateDir, FILE_NAME), 'utf8');
    if (address.startsWith('/')) return { path: address };
    const { hostname, port } = new URL(address);
    // Brackets around IPv6 belong to the URL.
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
  } catch {
    return undefined;
  }
}
