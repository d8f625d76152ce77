import { join } from 'node:path';
import { matchesAnyGlob } from '../rpm/repository-globs.ts';
import type { Gpgv } from './create-gpgv.ts';
import { makeKeyring } from './keyring.ts';
import { requireTool } from './run-tool.ts';
import type { SignatureVerdict } from '../api/signature-verdict.ts';
import { type SignedPackage, verifyPackageSignature } from './signing/verify-package-signature.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** The keys whose packages a repository takes. */
export interface RepositoryKeyring {
  /** Verifies against the keys of this repository alone. @throws AppError SIGNING_TOOL_*. */
  readonly verify: (signed: SignedPackage) => Promise<SignatureVerdict>;
  /** Whether every package must have a good signature by one of its keys. */
  readonly isSignatureRequired: boolean;
  /** Whether the repository then takes a weak one. */
  readonly isWeakAccepted: boolean;
}

/** The keyring of a repository; undefined for a repository that no entry names. */
export type FindKeyring = (repository: RepositoryName) => RepositoryKeyring | undefined;

interface KeyringEntry {
  /** Globs. */
  readonly repositories: readonly string[];
  readonly key_files: readonly string[];
  readonly require?: 'none' | 'signed';
  readonly weak?: 'refuse' | 'accept';
}

/**
 * Makes the keyrings of the configuration in a directory; the first entry that names a repository counts.
 * @throws AppError CONFIG_INVALID, SIGNING_TOOL_MISSING.
 */
export async function makePackageKeyrings(
  entries: readonly KeyringEntry[],
  directory: string,
  gpgv: Gpgv,
): Promise<FindKeyring> {
  if (entries.length > 0) await requireTool('gpgv');
  const keyrings: (RepositoryKeyring & { readonly names: (repository: RepositoryName) => boolean })[] = [];
  for (const [index, entry] of entries.entries()) {
    const keyring = await makeKeyring(entry.key_files, join(directory, String(index)));
    keyrings.push({
      names: matchesAnyGlob(entry.repositories),
      verify: (signed) => verifyPackageSignature(signed, keyring, gpgv),
      isSignatureRequired: entry.require === 'signed',
      isWeakAccepted: entry.weak === 'accept',
    });
  }
  return (repository) => keyrings.find(({ names }) => names(repository));
}
