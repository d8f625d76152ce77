import { join } from 'node:path';
import { createGpgv } from './create-gpgv.ts';
import { createPackageSigner, type PackageSigner } from './create-package-signer.ts';
import type { GpgHome } from '../base/config/load.ts';
import { type FindKeyring, makePackageKeyrings } from './package-keyrings.ts';

/** Which signatures packages need, and which signatures the service makes. */
export interface SignaturePolicy {
  readonly findKeyring: FindKeyring;
  /** Undefined when the service stores packages as clients send them. */
  readonly signing: PackageSigner | undefined;
}

interface SignatureFolders {
  readonly keyringsDir: string;
  readonly incomingDir: string;
  /** Ends a signing under way. */
  readonly signal?: AbortSignal;
}

/**
 * Makes the keyrings of the configuration ready in `<state_dir>/keyrings`, anew at each start.
 * @throws AppError CONFIG_INVALID, SIGNING_FAILED, SIGNING_TOOL_*.
 */
export async function openSignaturePolicy(
  config: {
    readonly keyrings: Parameters<typeof makePackageKeyrings>[0];
    readonly signing: GpgHome & { readonly keys: readonly string[]; readonly isSigningPackages: boolean };
  },
  { keyringsDir, incomingDir, signal }: SignatureFolders,
): Promise<SignaturePolicy> {
  const gpgv = createGpgv();
  const findKeyring = await makePackageKeyrings(config.keyrings, keyringsDir, gpgv);
  if (!config.signing.isSigningPackages) return { findKeyring, signing: undefined };
  const keyringDir = join(keyringsDir, 'own');
  const signing = await createPackageSigner({ ...config.signing, incomingDir, keyringDir, gpgv, signal });
  return { findKeyring, signing };
}
