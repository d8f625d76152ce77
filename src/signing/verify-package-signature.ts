import { createReadStream, existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import { AppError } from '../errors.ts';
import type { PackageSignature as SignatureInPackage, RpmPackage } from '../rpm-parser/rpm-package.ts';
import type { Keyring } from './keyring.ts';
import type { PackageSignature, SignatureState } from './package-signature.ts';
import { readGpgvStatus } from './read-gpgv-status.ts';
import { lastLines, runTool } from './run-tool.ts';
import { isSignaturePacket } from './signature-packet.ts';

/** A package on disk whose every digest is right. */
export interface SignedPackage {
  readonly path: string;
  readonly rpm: Pick<RpmPackage, 'signatures' | 'headerRange' | 'digests'>;
}

// gpgv hashes more than 200 MB/s, so that this is enough for a package of 10 GiB with a signature of the whole of it.
const GPGV_LIMIT_MS = 60_000;
// gpgv: the signature does not fit, or it could not be checked. It ends with 2 for everything else.
const GPGV_EXIT_CODES: readonly number[] = [0, 1, 2];

/** The first of these that one of several signatures has; `bad` and what is good are decided before. */
const WORST_FIRST: readonly SignatureState[] = ['revoked', 'expired', 'unknown-key', 'unverifiable'];

const takeGpgv = pLimit(availableParallelism());

/**
 * Verifies every signature of a package with gpgv. One that is bad makes the package bad, as in rpm; otherwise one that
 * is good is enough.
 * @throws AppError SIGNING_TOOL_MISSING, SIGNING_TOOL_FAILED.
 */
export async function verifyPackageSignature(
  { path, rpm }: SignedPackage,
  keyring: Keyring,
): Promise<PackageSignature> {
  const distinct = [...Map.groupBy(rpm.signatures, keyOf).values()].flatMap(([first]) => first ?? []);
  const results = await Promise.all(
    distinct.map(async (signature) => ({
      signature,
      verdict: await takeGpgv(() => verifyOne(signature, { path, rpm }, keyring)),
    })),
  );
  return decide(results, rpm);
}

interface Result {
  readonly signature: SignatureInPackage;
  readonly verdict: PackageSignature;
}

/** The same signature stands under two tags when rpm 6 signs a package for older ones too. */
function keyOf({ covers, packet }: SignatureInPackage): string {
  return `${covers} ${Buffer.from(packet).toString('base64')}`;
}

function decide(results: readonly Result[], { digests }: SignedPackage['rpm']): PackageSignature {
  const inState = (state: SignatureState): PackageSignature | undefined =>
    results.find(({ verdict }) => verdict.state === state)?.verdict;
  const bad = inState('bad');
  if (bad !== undefined) return bad;
  const good = results.filter(({ verdict }) => verdict.state === 'good');
  // A signature of the header covers the payload through the digest in it, which has been compared before.
  const covering = good.find(({ signature }) => signature.covers !== 'header' || digests.payload.length > 0);
  if (covering !== undefined) return covering.verdict;
  const [headerOnly] = good;
  if (headerOnly !== undefined) return { ...headerOnly.verdict, state: 'header-only' };
  return WORST_FIRST.map(inState).find((verdict) => verdict !== undefined) ?? { state: 'unsigned' };
}

async function verifyOne(
  { packet, covers }: SignatureInPackage,
  { path, rpm }: SignedPackage,
  keyring: Keyring,
): Promise<PackageSignature> {
  if (!isSignaturePacket(packet)) return { state: 'bad' };
  const { start, end } = rpm.headerRange;
  // Through pipes: there is no second copy of the package, and nothing to clean up.
  const signed = createReadStream(path, covers === 'header' ? { start, end: end - 1 } : { start });
  try {
    const { exitCode, stdout, stderr } = await runTool({
      tool: 'gpgv',
      args: gpgvArguments(keyring),
      timeoutMs: GPGV_LIMIT_MS,
      input: signed,
      thirdInput: packet,
    });
    // To gpgv a keyring that is gone is one without keys.
    if (GPGV_EXIT_CODES.includes(exitCode) && existsSync(keyring.path)) return readGpgvStatus(stdout);
    throw new AppError('SIGNING_TOOL_FAILED', `gpgv ended with exit code ${exitCode}: ${lastLines(stderr)}`, {
      hint: 'Send the package again; if it fails again, the server log has the cause under this request id.',
    });
  } finally {
    // gpgv does not read on when it cannot make anything of the signature.
    signed.destroy();
  }
}

/** The signature comes on descriptor 3, what it is of on standard input. */
function gpgvArguments({ path, homeDir }: Keyring): readonly string[] {
  const settings = ['--homedir', homeDir, '--status-fd', '1', '--keyring', path];
  return ['--enable-special-filenames', ...settings, '--', '-&3', '-'];
}
