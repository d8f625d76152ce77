import type { PackageSignature, RpmPackage } from '../rpm-parser/rpm-package.ts';
import type { Detached, Gpgv } from './create-gpgv.ts';
import type { Keyring } from './keyring.ts';
import { isSignaturePacket } from './signature-packet.ts';
import type { SignatureState, SignatureVerdict } from './signature-verdict.ts';

/** A package on disk whose every digest is right. */
export interface SignedPackage {
  readonly path: string;
  readonly rpm: Pick<RpmPackage, 'signatures' | 'headerRange' | 'digests'>;
}

/** The better first. */
const FITTING: readonly SignatureState[] = ['good', 'weak'];
/** The first of these that one of several signatures has; `bad` and what fits are decided before. */
const WORST_FIRST: readonly SignatureState[] = ['revoked', 'expired', 'unknown-key', 'unverifiable'];

/**
 * Verifies every signature of a package with gpgv. One that is bad makes the package bad, as in rpm; otherwise one that
 * is good is enough, and a weak one does not spoil it.
 * @throws AppError SIGNING_TOOL_MISSING, SIGNING_TOOL_FAILED.
 */
export async function verifyPackageSignature(
  signed: SignedPackage,
  keyring: Keyring,
  gpgv: Gpgv,
): Promise<SignatureVerdict> {
  const { rpm } = signed;
  const distinct = [...Map.groupBy(rpm.signatures, keyOf).values()].flatMap(([first]) => first ?? []);
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
function keyOf({ covers, packet }: PackageSignature): string {
  return `${covers} ${Buffer.from(packet).toString('base64')}`;
}

function decide(results: readonly Result[], { digests }: SignedPackage['rpm']): SignatureVerdict {
  const inState = (state: SignatureState): SignatureVerdict | undefined =>
    results.find(({ verdict }) => verdict.state === state)?.verdict;
  const bad = inState('bad');
  if (bad !== undefined) return bad;
  const fitting = FITTING.flatMap((state) => results.filter(({ verdict }) => verdict.state === state));
  // A signature of the header covers the payload through the digest in it, which has been compared before.
  const covering = fitting.find(
    ({ signature }) => signature.covers !== 'header' || digests.payload.length > 0,
  );
  if (covering !== undefined) return covering.verdict;
  const [headerOnly] = fitting;
  if (headerOnly !== undefined) return { ...headerOnly.verdict, state: 'header-only' };
  return WORST_FIRST.map(inState).find((verdict) => verdict !== undefined) ?? { state: 'unsigned' };
}
