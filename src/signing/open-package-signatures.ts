import { join } from 'node:path';
import { type FindKeyring, makePackageKeyrings } from './package-keyrings.ts';
import { openPackageSigning, type PackageSigning } from './package-signing.ts';

/** What an upload needs to have package signatures checked and made. */
export interface PackageSignatures {
  readonly findKeyring: FindKeyring;
  /** Undefined when packages are stored as they are sent. */
  readonly signing: PackageSigning | undefined;
}

/**
 * Makes the keyrings of the configuration ready in `<state_dir>/keyrings`, anew at each start.
 * @throws AppError CONFIG_INVALID, SIGNING_TOOL_MISSING.
 */
export async function openPackageSignatures(
  config: {
    readonly keyrings: Parameters<typeof makePackageKeyrings>[0];
    readonly signing: {
      readonly keys: readonly string[];
      readonly gnupgHome: string;
      readonly passphraseFile: string | undefined;
      readonly isSigningPackages: boolean;
    };
  },
  folders: { readonly stateDir: string; readonly incomingDir: string },
): Promise<PackageSignatures> {
  const keyringDir = join(folders.stateDir, 'keyrings');
  const findKeyring = await makePackageKeyrings(config.keyrings, keyringDir);
  if (!config.signing.isSigningPackages) return { findKeyring, signing: undefined };
  const { incomingDir } = folders;
  const signing = await openPackageSigning({
    ...config.signing,
    incomingDir,
    keyringDir: join(keyringDir, 'own'),
  });
  return { findKeyring, signing };
}
