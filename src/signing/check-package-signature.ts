import { AppError, type ErrorCode } from '../errors.ts';
import type { FindKeyring, RepositoryKeyring } from './package-keyrings.ts';
import type { PackageSignature, SignatureState } from './package-signature.ts';
import { type SignedPackage, verifyPackageSignature } from './verify-package-signature.ts';

/** The signature of a package as each of its repositories sees it. */
export type SignaturesByRepository = ReadonlyMap<string, PackageSignature>;

/**
 * Verifies a package's signature against the keyring of each repository it goes to, and keeps their rules: a bad
 * signature is refused wherever there is a keyring, everything but a good one where a signature is required.
 * @throws AppError PACKAGE_UNSIGNED, PACKAGE_SIGNATURE_*, SIGNING_KEY_*, SIGNING_TOOL_*.
 */
export async function checkPackageSignature(
  signed: SignedPackage & { readonly nevra: string },
  repositories: readonly string[],
  findKeyring: FindKeyring,
): Promise<SignaturesByRepository> {
  const signatures = new Map<string, PackageSignature>();
  // Repositories of one entry share its keyring, and so what gpgv said.
  const byKeyring = Map.groupBy(repositories, findKeyring);
  for (const [rule, names] of byKeyring) {
    const signature = await verifyBy(signed, rule);
    for (const repository of names) signatures.set(repository, signature);
    if (rule !== undefined) keepRule({ nevra: signed.nevra, signature, rule, repositories: names });
  }
  return signatures;
}

async function verifyBy(
  signed: SignedPackage,
  rule: RepositoryKeyring | undefined,
): Promise<PackageSignature> {
  if (signed.rpm.signatures.length === 0) return { state: 'unsigned' };
  return rule === undefined ? { state: 'unchecked' } : verifyPackageSignature(signed, rule.keyring);
}

interface Judgement {
  readonly nevra: string;
  readonly signature: PackageSignature;
  readonly rule: RepositoryKeyring;
  readonly repositories: readonly string[];
}

function keepRule({ nevra, signature, rule, repositories }: Judgement): void {
  const { state, keyId, userId } = signature;
  if (state === 'good' || state === 'unchecked') return;
  if (state !== 'bad' && !rule.isSignatureRequired) return;
  const key = `key ${keyId ?? 'unknown'}${userId === undefined ? '' : ` (${userId})`}`;
  const { code, reason, hint } = refusalOf(state, key);
  throw new AppError(code, `${nevra} is refused by ${repositories.join(', ')}: ${reason}`, {
    hint,
    details: { repositories, signature },
  });
}

interface Refusal {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly hint: string;
}

function refusalOf(state: Exclude<SignatureState, 'good' | 'unchecked'>, key: string): Refusal {
  switch (state) {
    case 'unsigned':
      return {
        code: 'PACKAGE_UNSIGNED',
        reason: 'it is not signed',
        hint: 'Sign it (rpmsign --addsign) with a key that the repository trusts, then send it again.',
      };
    case 'unknown-key':
      return {
        code: 'SIGNING_KEY_UNKNOWN',
        reason: `it is signed by ${key}, which is not in the keyring of the repository`,
        hint: 'Sign it with a key that the repository trusts, or add this one to package_signatures.keyrings.',
      };
    case 'expired':
    case 'revoked':
      return {
        code: 'SIGNING_KEY_UNUSABLE',
        reason: `it is signed by ${key}, which is ${state}`,
        hint: 'Sign it with a key that is valid now; if its owner extended this one, renew its file in package_signatures.keyrings.',
      };
    case 'bad':
      return {
        code: 'PACKAGE_SIGNATURE_BAD',
        reason: `its signature by ${key} does not fit it, or is no signature`,
        hint: 'The package was changed after it was signed: build it or sign it again.',
      };
    case 'header-only':
      return {
        code: 'PACKAGE_SIGNATURE_INCOMPLETE',
        reason: `its signature by ${key} covers the header only, and the header has no digest of the payload`,
        hint: 'Sign it with rpmsign --addsign --rpmv3, or build it with rpm 4.14 or later.',
      };
    case 'unverifiable':
      return {
        code: 'PACKAGE_SIGNATURE_UNVERIFIABLE',
        reason: `its signature by ${key} is of a kind that the installed gpgv cannot check`,
        hint: 'Sign it with an RSA or Ed25519 key of version 4 and SHA-256 or better.',
      };
  }
}
