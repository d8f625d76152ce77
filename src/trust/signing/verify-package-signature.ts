import type { PackageSignature, RpmPackage } from '../../rpm/rpm-parser/rpm-package.ts';
import type { Detached, Gpgv } from '../create-gpgv.ts';
import type { Keyring } from '../keyring.ts';
import { isSignaturePacket } from './signature-packet.ts';
import type { SignatureState, SignatureVerdict } from '../../api/signature-verdict.ts';

/** A package on disk, all of whose digests are right. */
export interface SignedPackage {
  readonly path: string;
  readonly rpm: Pick<RpmPackage, 'signatures' | 'headerRange' | 'digests'>;
}

/** Of several signatures, the first of these states that one has decides. */
const DECIDING_FIRST: readonly SignatureState[] = [
  'bad',
  'good',
  'weak',
  'header-only',
  'revoked',
  'expired',
  'unknown-key',
  'unverifiable',
];

/**
 * Verifies every signature of a package with gpgv. A bad one makes the package bad, as in rpm; otherwise one good one
 * is enough, and a weak one does not spoil it.
 * @throws AppError SIGNING_TOOL_MISSING, SIGNING_TOOL_FAILED.
 */
export async function verifyPackageSignature(
  signed: SignedPackage,
  keyring: Keyring,
  gpgv: Gpgv,
): Promise<SignatureVerdict> {
  const { rpm } = signed;
  const distinct = [...Map.groupBy(rpm.signatures, nameGroup).values()].flatMap(([first]) => first ?? []);
  const results = await Promise.all(
    distinct.map(async (signature) => ({ signature, verdict: await verify(signature) })),
  );
  return decide(results, rpm);

  async function verify(signature: PackageSignature): Promise<SignatureVerdict> {
    if (!isSignaturePacket(signature.packet)) return { state: 'bad' };
    return gpgv(detachedFrom(signed, signature), keyring);
  }
}

function detachedFrom({ path, rpm }: SignedPackage, { packet, covers }: PackageSignature): Detached {
  const { start, end } = rpm.headerRange;
  const content = covers === 'header' ? { path, start, end } : { path, start };
  return { signature: packet, content };
}

interface Result {
  readonly signature: PackageSignature;
  readonly verdict: SignatureVerdict;
}

/** The same signature stands under two tags when rpm 6 signs a package for older ones too. */
function nameGroup({ covers, packet }: PackageSignature): string {
  return `${covers} ${Buffer.from(packet).toString('base64')}`;
}

function decide(results: readonly Result[], { digests }: SignedPackage['rpm']): SignatureVerdict {
  const verdicts = results.map((result) => withCoverage(result, digests.payload));
  const deciding = DECIDING_FIRST.map((state) => verdicts.find((verdict) => verdict.state === state));
  return deciding.find((verdict) => verdict !== undefined) ?? { state: 'unsigned' };
}

/** A signature of the header covers the payload through a digest in it, which inspection has compared: SHA-2 or SHA-3, as rpm takes no other. */
function withCoverage(
  { signature, verdict }: Result,
  [payloadDigest]: SignedPackage['rpm']['digests']['payload'],
): SignatureVerdict {
  const fits = verdict.state === 'good' || verdict.state === 'weak';
  if (!fits || signature.covers !== 'header') return verdict;
  return payloadDigest === undefined ? { ...verdict, state: 'header-only' } : verdict;
}
