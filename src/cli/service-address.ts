import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { ListenTarget } from '../base/config/load.ts';
import { createStateLayout } from '../storage/state-layout.ts';

const MODE = 0o600;

/**
 * Notes where the service of a state directory listens when this is not what the configuration says (`serve --port`),
 * for the commands that ask it.
 * @param address as startService() gives it.
 * @throws the error of the file system.
 */
export function noteServiceAddress(stateDir: string, address: string): void {
  // Writing would keep the mode of a file that is there already.
  forgetServiceAddress(stateDir);
  writeFileSync(createStateLayout(stateDir).addressFile, address, { mode: MODE, flag: 'wx' });
}

/** Removes the note of an earlier service. */
export function forgetServiceAddress(stateDir: string): void {
  rmSync(createStateLayout(stateDir).addressFile, { force: true });
}

/**
 * Undefined when there is no note, or this user may not read it: then the service listens where the configuration says.
 */
export function readServiceAddress(stateDir: string): ListenTarget | undefined {
  try {
    const address = readFileSync(createStateLayout(stateDir).addressFile, 'utf8');
    if (address.startsWith('/')) return { path: address };
    const { hostname, port } = new URL(address);
    // Brackets around IPv6 belong to the URL.
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
  } catch {
    return undefined;
  }
}
