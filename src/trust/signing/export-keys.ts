import { AppError } from '../../errors.ts';
import type { GpgHome } from '../../base/config/load.ts';
import { runGpg } from './run-gpg.ts';

const EXPORT: readonly string[] = ['--armor', '--export-options=export-minimal', '--export', '--'];

/**
 * Public keys, each in an armor of its own, which old rpm needs to see the second one.
 * @throws AppError SIGNING_FAILED for a key that is not there, SIGNING_TOOL_*.
 */
export async function exportKeys(home: GpgHome, keys: readonly string[]): Promise<string> {
  const armors: string[] = [];
  for (const key of keys) armors.push(await exportKey(home, key));
  return armors.join('');
}

/**
 * The same for the keys that are there; undefined when none is.
 * @throws AppError SIGNING_TOOL_*.
 */
export async function exportPresentKeys(home: GpgHome, keys: readonly string[]): Promise<string | undefined> {
  const armors: string[] = [];
  // One by one: gpg would export several in an order of its own, and without any name it exports all that it has.
  for (const key of keys) armors.push((await runGpg(home, { args: [...EXPORT, key] })).stdout);
  const armored = armors.join('');
  return armored === '' ? undefined : armored;
}

async function exportKey(home: GpgHome, key: string): Promise<string> {
  const { exitCode, stdout } = await runGpg(home, { args: [...EXPORT, key] });
  if (exitCode === 0 && stdout !== '') return stdout;
  throw new AppError('SIGNING_FAILED', `gpg has no public key ${key} in ${home.gnupgHome}`, {
    hint: 'Make a key with "rpmyard key init", import the public key there, or correct signing.keys.',
  });
}
