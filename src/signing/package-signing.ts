import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { AppError } from '../errors.ts';
import { exportKeys } from './export-keys.ts';
import { makeKeyring } from './keyring.ts';
import type { PackageSignature } from './package-signature.ts';
import { requireTool } from './run-tool.ts';
import { signPackage, type SignedFile, type SigningKey, type UnsignedPackage } from './sign-package.ts';
import { type SignedPackage, verifyPackageSignature } from './verify-package-signature.ts';

/** Signs packages with a key of ours. */
export interface PackageSigning {
  /** Verifies against our own keys alone. */
  readonly verify: (signed: SignedPackage) => Promise<PackageSignature>;
  /** Makes a signed copy, which whoever asked removes. Not more at once than there are cores. */
  readonly sign: (unsigned: UnsignedPackage) => Promise<SignedFile>;
}

/**
 * Opens the configured keys for signing packages.
 * @param keyringDir a directory of ours for the public keys.
 * @throws AppError CONFIG_INVALID without a key, SIGNING_FAILED for one that is not there, SIGNING_TOOL_MISSING.
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
  await mkdir(keyringDir, { recursive: true });
  const keyFile = join(keyringDir, 'keys.asc');
  await writeFile(keyFile, await exportKeys({ gnupgHome, passphraseFile }, keys));
  const keyring = await makeKeyring([keyFile], join(keyringDir, 'keyring'));
  const key: SigningKey = { id, gnupgHome, passphraseFile };
  const takeTurn = pLimit(availableParallelism());
  return {
    verify: (signed) => verifyPackageSignature(signed, keyring),
    sign: (unsigned) => takeTurn(() => signPackage(unsigned, key, incomingDir)),
  };
}
