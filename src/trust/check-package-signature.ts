import { AppError, type ErrorCode } from '../errors.ts';
import { describeWeakness } from './describe-weakness.ts';
import { findUntrustedDigests } from './find-untrusted-digests.ts';
import type { FindKeyring, RepositoryKeyring } from './package-keyrings.ts';
import type { SignatureVerdict, SignatureState, Weakness } from '../api/signature-verdict.ts';
import type { SignedPackage } from './signing/verify-package-signature.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';
import { formatNevra, type Nevra } from '../rpm/nevra.ts';

/** The signature of a package as each of its repositories judges it. */
export type SignaturesByRepository = ReadonlyMap<RepositoryName, SignatureVerdict>;

/**
 * Verifies a package's signature against the keyring of each repository it goes to, and keeps their rules: a bad
 * signature is refused wherever there is a keyring, everything but a good one where a signature is required, a weak one
 * too unless the keyring says otherwise, and so are digests that the hosts there do not trust.
 * @throws AppError PACKAGE_UNSIGNED, PACKAGE_SIGNATURE_*, PACKAGE_DIGEST_WEAK, SIGNING_KEY_*, SIGNING_TOOL_*.
 */
export async function checkPackageSignature(
  signed: SignedPackage & { readonly nevra: Nevra },
  repositories: readonly RepositoryName[],
  findKeyring: FindKeyring,
): Promise<SignaturesByRepository> {
  const signatures = new Map<RepositoryName, SignatureVerdict>();
  // Repositories of one entry share its keyring, and so the verdict of gpgv.
  const byKeyring = Map.groupBy(repositories, findKeyring);
  for (const [rule, names] of byKeyring) {
    const signature = await verifyBy(signed, rule);
    for (const repository of names) signatures.set(repository, signature);
    if (rule === undefined) continue;
    enforceRule({ nevra: signed.nevra, signature, rule, repositories: names });
    if (rule.isSignatureRequired && !rule.isWeakAccepted) refuseUntrustedDigests(signed, names);
  }
  return signatures;
}

async function verifyBy(
  signed: SignedPackage,
  rule: RepositoryKeyring | undefined,
): Promise<SignatureVerdict> {
  if (signed.rpm.signatures.length === 0) return { state: 'unsigned' };
  return rule === undefined ? { state: 'unchecked' } : rule.verify(signed);
}

interface Judgement {
  readonly nevra: Nevra;
  readonly signature: SignatureVerdict;
  readonly rule: RepositoryKeyring;
  readonly repositories: readonly RepositoryName[];
}

function enforceRule({ nevra, signature, rule, repositories }: Judgement): void {
  const { state, keyId, userId, weakness } = signature;
  if (state === 'good' || state === 'unchecked') return;
  if (state !== 'bad' && !rule.isSignatureRequired) return;
  if (state === 'weak' && rule.isWeakAccepted) return;
  const key = `key ${keyId ?? 'unknown'}${userId === undefined ? '' : ` (${userId})`}`;
  const { code, reason, hint } = REFUSALS[state];
  throw new AppError(
    code,
    `${formatNevra(nevra)} is refused by ${repositories.join(', ')}: ${reason(key, weakness)}`,
    {
      hint,
      details: { repositories, signature },
    },
  );
}

function refuseUntrustedDigests(
  { nevra, rpm }: SignedPackage & { readonly nevra: Nevra },
  names: readonly RepositoryName[],
): void {
  const untrusted = findUntrustedDigests(rpm.digests, names);
  if (untrusted === undefined) return;
  const { part, repositories } = untrusted;
  throw new AppError(
    'PACKAGE_DIGEST_WEAK',
    `${formatNevra(nevra)} is refused by ${repositories.join(', ')}: only MD5 or SHA-1 proves its ${part}, and hosts there (rpm 6) install no such package`,
    {
      hint: 'Build it again with rpm 4.14 or later, or a packager that writes SHA-256 digests of header and payload; "weak: accept" in the entry of package_signatures.keyrings takes it as it is.',
      details: { repositories, part },
    },
  );
}

type RefusedState = Exclude<SignatureState, 'good' | 'unchecked'>;

const INVALID_KEY_HINT =
  'Sign it with a key that is valid now; if its owner extended this one, renew its file in package_signatures.keyrings.';

const REFUSALS: Readonly<
  Record<
    RefusedState,
    {
      readonly code: ErrorCode;
      readonly reason: (key: string, weakness: Weakness | undefined) => string;
      readonly hint: string;
    }
  >
> = {
  unsigned: {
    code: 'PACKAGE_UNSIGNED',
    reason: () => 'it is not signed',
    hint: 'Sign it (rpmsign --addsign) with a key that the repository trusts, then send it again.',
  },
  'unknown-key': {
    code: 'SIGNING_KEY_UNKNOWN',
    reason: (key) => `it is signed by ${key}, which is not in the keyring of the repository`,
    hint: 'Sign it with a key that the repository trusts, or add this one to package_signatures.keyrings.',
  },
  expired: {
    code: 'SIGNING_KEY_UNUSABLE',
    reason: (key) => `it is signed by ${key}; key or signature has expired`,
    hint: INVALID_KEY_HINT,
  },
  revoked: {
    code: 'SIGNING_KEY_UNUSABLE',
    reason: (key) => `it is signed by ${key}, which is revoked`,
    hint: INVALID_KEY_HINT,
  },
  bad: {
    code: 'PACKAGE_SIGNATURE_BAD',
    reason: (key) => `its signature by ${key} does not fit it, or is no signature`,
    hint: 'The package was changed after it was signed: sign it again, or build it again.',
  },
  'header-only': {
    code: 'PACKAGE_SIGNATURE_INCOMPLETE',
    reason: (key) =>
      `its signature by ${key} covers the header only, and the header has no digest of the payload`,
    hint: 'Sign it with rpmsign --addsign --rpmv3, or build it with rpm 4.14 or later.',
  },
  weak: {
    code: 'PACKAGE_SIGNATURE_WEAK',
    reason: (key, weakness) =>
      `its signature by ${key} fits, but is one that hosts of today refuse${inBrackets(weakness)}`,
    hint: 'Sign it again (rpmsign --resign) with SHA-256 or better and an RSA key of 2048 bits or more; "weak: accept" in the entry of package_signatures.keyrings takes it as it is.',
  },
  unverifiable: {
    code: 'PACKAGE_SIGNATURE_UNVERIFIABLE',
    reason: (key, weakness) =>
      `its signature by ${key} is of a kind that the installed gpgv cannot check${inBrackets(weakness)}`,
    hint: 'Sign it with an RSA or Ed25519 key of version 4 and SHA-256 or better.',
  },
};

function inBrackets(weakness: Weakness | undefined): string {
  return weakness === undefined ? '' : ` (${describeWeakness(weakness)})`;
}
