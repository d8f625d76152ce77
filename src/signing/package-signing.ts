import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { AppError } from '../errors.ts';
import { makeKeyring } from './keyring.ts';
import type { PackageSignature } from './package-signature.ts';
import { requireTool, runTool } from './run-tool.ts';
import { signPackage, type SignedFile, type SigningKey, type UnsignedPackage } from './sign-package.ts';
import { type SignedPackage, verifyPackageSignature } from './verify-package-signature.ts';

/** Signs packages with a key of ours. */
export interface PackageSigning {
  /** Verifies against our own keys alone. */
  readonly verify: (signed: SignedPackage) => Promise<PackageSignature>;
  /** Makes a signed copy, which whoever asked removes. Not more at once than there are cores. */
  readonly sign: (unsigned: UnsignedPackage) => Promise<SignedFile>;
}

const EXPORT_LIMIT_MS = 30_000;

/**
 * Opens the configured keys for signing packages.
 * @param keyringDir a directory of ours for the public keys.
 * @throws AppError CONFIG_INVALID for a key that is not there, SIGNING_TOOL_MISSING.
 */
export async function openPackageSigning(options: {
  readonly keys: readonly string[];
  readonly gnupgHome: string;
  readonly passphraseFile: string | undefined;
  readonly incomingDir: string;
  readonly keyringDir: string;
}): Promise<PackageSigning> {
  const { keys, gnupgHome, passphraseFile, incomingDir, keyringDir } = options;
  const [id] = keys;
  if (id === undefined) {
    throw new AppError('CONFIG_INVALID', 'signing.sign_packages is set, but signing.keys names no key', {
      hint: 'Name the fingerprint of a key that is in signing.gnupg_home.',
    });
  }
  await requireTool('rpmsign');
  await requireTool('gpgv');
  const exportDir = join(keyringDir, 'export');
  await mkdir(exportDir, { recursive: true });
  const keyFiles = await Promise.all(keys.map((key) => exportPublicKey(key, gnupgHome, exportDir)));
  const keyring = await makeKeyring(keyFiles, join(keyringDir, 'keyring'));
  const key: SigningKey = { id, gnupgHome, passphraseFile };
  const takeTurn = pLimit(availableParallelism());
  return {
    verify: (signed) => verifyPackageSignature(signed, keyring),
    sign: (unsigned) => takeTurn(() => signPackage(unsigned, key, incomingDir)),
  };
}

async function exportPublicKey(key: string, gnupgHome: string, exportDir: string): Promise<string> {
  const { stdout } = await runTool({
    tool: 'gpg',
    args: ['--homedir', gnupgHome, '--batch', '--no-tty', '--no-autostart', '--armor', '--export', '--', key],
    timeoutMs: EXPORT_LIMIT_MS,
  });
  if (stdout === '') {
    throw new AppError('CONFIG_INVALID', `signing.keys: the key ${key} is not in ${gnupgHome}`, {
      hint: 'List its keys with "gpg --homedir DIR --list-keys", and name one by its fingerprint.',
    });
  }
  const path = join(exportDir, `${key}.asc`);
  await writeFile(path, stdout);
  return path;
}
