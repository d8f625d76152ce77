import { closeSync, constants, createReadStream, fstatSync, openSync, type ReadStream } from 'node:fs';
import { join } from 'node:path';
import type { GpgHome } from '../base/config/load.ts';
import { AppError, errnoOf } from '../errors.ts';
import { namesIn } from '../base/files/names-in.ts';

/** Options of a gpg that asks no person, also when the user's own gpg.conf says otherwise. */
export const UNATTENDED: readonly string[] = ['--no-options', '--batch', '--no-tty'];

const OTHERS = 0o077;

/**
 * Options for a GNUPGHOME with another user's agent: an agent of the service's own could do nothing without a secret
 * key, and would hide the one that has it.
 */
export async function agentOptions({ gnupgHome }: GpgHome): Promise<readonly string[]> {
  const names = await namesIn(join(gnupgHome, 'private-keys-v1.d'));
  return names.some((name) => name.endsWith('.key')) ? [] : ['--no-autostart'];
}

/** @throws AppError SIGNING_FAILED for a link, and for a file that others may read. */
export function openPassphrase(path: string): ReadStream {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const { mode } = fstatSync(fd);
    if ((mode & OTHERS) === 0) return createReadStream(path, { fd });
    throw new AppError('SIGNING_FAILED', `${path} may be read by others (mode ${octal(mode)})`, {
      hint: `Run: chmod 0600 ${path}`,
    });
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    if (errnoOf(error) === undefined) throw error;
    throw new AppError('SIGNING_FAILED', `the passphrase file ${path} cannot be read (${errnoOf(error)})`, {
      hint: 'Make it a regular file of mode 0600 that belongs to the user of this service.',
      cause: error,
    });
  }
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}
