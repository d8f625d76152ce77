import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { AppError } from '../errors.ts';
import { countsAsOwn } from './signing/counts-as-own.ts';
import type { Gpgv } from './create-gpgv.ts';
import { exportKeys } from './signing/export-keys.ts';
import type { GpgHome } from '../base/config/load.ts';
import { makeKeyringFrom } from './keyring.ts';
import { requireTool } from './run-tool.ts';
import { signPackage, type SignedFile, type UnsignedPackage } from './signing/sign-package.ts';
import type { SignatureVerdict } from '../api/signature-verdict.ts';
import { type SignedPackage, verifyPackageSignature } from './signing/verify-package-signature.ts';

/** A package's signature as the keys of `signing.keys` judge it. */
export interface OwnSignature {
  readonly verdict: SignatureVerdict;
  /** True when one of these keys signed the package: it need not be signed again. */
  readonly isOwn: boolean;
}

/** Signs packages with a key of `signing.keys`. */
export interface PackageSigner {
  /** Verifies against the keys of `signing.keys` alone. */
  readonly verify: (signed: SignedPackage) => Promise<OwnSignature>;
  /** Makes a signed copy, which the caller removes. At most as many run at once as there are cores. */
  readonly sign: (unsigned: UnsignedPackage) => Promise<SignedFile>;
}

export interface PackageSignerOptions extends GpgHome {
  /** Fingerprints: the first one signs, each of them may have signed. */
  readonly keys: readonly string[];
  readonly incomingDir: string;
  /** A directory for the public keys, which no other code uses. */
  readonly keyringDir: string;
  readonly gpgv: Gpgv;
  /** Ends a signing under way. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Opens the configured keys for signing packages.
 * @throws AppError CONFIG_INVALID without a key, SIGNING_FAILED for one that is not there, SIGNING_TOOL_*.
 */
export async function createPackageSigner({
  keys,
  incomingDir,
  keyringDir,
  gpgv,
  signal,
  ...home
}: PackageSignerOptions): Promise<PackageSigner> {
  const [id] = keys;
  if (id === undefined) {
    throw new AppError('CONFIG_INVALID', 'signing.sign_packages is set, but signing.keys names no key', {
      hint: 'Name the fingerprint of a key that is in signing.gnupg_home.',
    });
  }
  await requireTool('rpmsign');
  await requireTool('gpgv');
  const keyring = await makeKeyringFrom(await exportKeys(home, keys), keyringDir);
  const takeTurn = pLimit(availableParallelism());
  return {
    verify: async (signed) => {
      const verdict = await verifyPackageSignature(signed, keyring, gpgv);
      return { verdict, isOwn: countsAsOwn(verdict) };
    },
    sign: (unsigned) => takeTurn(() => signPackage(unsigned, { id, ...home }, { incomingDir, signal })),
  };
}
