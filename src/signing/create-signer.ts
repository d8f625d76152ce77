import { createHash } from 'node:crypto';
import { AppError, toAppError } from '../errors.ts';
import { asSigningFault } from './as-signing-fault.ts';
import { createGpgv } from './create-gpgv.ts';
import { exportKeys, exportPresentKeys } from './export-keys.ts';
import type { GpgHome } from './gpg-home.ts';
import { type Keyring, makeKeyringOf } from './keyring.ts';
import { runGpg } from './run-gpg.ts';
import { lastWords } from './run-tool.ts';
import type { SignatureVerdict } from './signature-verdict.ts';

export interface SignerOptions extends GpgHome {
  /** Fingerprints, at least one: the first one signs, each of them may have signed. */
  readonly keys: readonly string[];
  /** A directory that nobody else uses, for the public keys; made when the first signature is verified. */
  readonly keyringDir: string;
}

/**
 * Signs repository metadata with the first of the configured keys.
 * @throws AppError SIGNING_FAILED, from each of its functions.
 */
export interface Signer {
  /** @returns an armored detached signature. */
  sign(content: string, signal?: AbortSignal): Promise<string>;
  /** True when the key that signs today made this signature of this content, and it is good. */
  isSignedNow(content: string, signature: string): Promise<boolean>;
  /** The configured key that made a good signature; undefined for any other one. */
  findKey(content: string, signature: string): Promise<string | undefined>;
  /** Every configured public key, armored. */
  exportKeys(): Promise<string>;
  /** What keeps it from signing now. */
  findFault(): Promise<AppError | undefined>;
  /** What kept it from signing the last time it had to. */
  lastFault(): AppError | undefined;
}

// yum of Enterprise Linux 7 knows it, and nobody refuses it.
const DIGEST = 'SHA256';
// A publication a repository; one that was forgotten costs a call of gpg.
const MAX_REMEMBERED = 4096;

/** A signer that runs gpg, and gpgv to verify. */
export function createSigner(options: SignerOptions): Signer {
  const { keys, keyringDir } = options;
  const [key = ''] = keys;
  const gpgv = createGpgv();
  const known = new Map<string, string>();
  let ownKeyring: Promise<Keyring | undefined> | undefined;
  let lastFault: AppError | undefined;

  return {
    sign: signAndProve,
    isSignedNow: async (content, signature) => (await findKey(content, signature)) === key,
    findKey,
    exportKeys: () => asSigningFault(() => exportKeys(options, keys)),
    findFault: async () => {
      try {
        await signAndProve('probe');
        return undefined;
      } catch (error) {
        return toAppError(error);
      }
    },
    lastFault: () => lastFault,
  };

  async function signAndProve(content: string, signal?: AbortSignal): Promise<string> {
    try {
      const signature = await asSigningFault(() => sign(options, key, content, signal));
      if (!(await isProved(content, signature))) throw notProved(key);
      lastFault = undefined;
      return signature;
    } catch (error) {
      lastFault = toAppError(error);
      throw error;
    }
  }

  /** gpg ended well, but hosts go by the signature. */
  async function isProved(content: string, signature: string): Promise<boolean> {
    if ((await findKey(content, signature)) === key) return true;
    // The keyring may be of a time before the key was extended.
    ownKeyring = undefined;
    return (await findKey(content, signature)) === key;
  }

  async function findKey(content: string, signature: string): Promise<string | undefined> {
    const digest = digestOf(content, signature);
    const found = known.get(digest) ?? (await asSigningFault(() => verify(content, signature)));
    if (found !== undefined) remember(content, signature, found);
    return found;
  }

  async function verify(content: string, signature: string): Promise<string | undefined> {
    try {
      ownKeyring ??= makeOwnKeyring(options, keys, keyringDir);
      const keyring = await ownKeyring;
      if (keyring !== undefined) {
        return keyBehind(await gpgv({ signature: Buffer.from(signature), content }, keyring), keys);
      }
      // A key may be put there while the service runs.
      ownKeyring = undefined;
      return undefined;
    } catch (error) {
      ownKeyring = undefined;
      throw error;
    }
  }

  function remember(content: string, signature: string, by: string): void {
    known.set(digestOf(content, signature), by);
    const [oldest] = known.keys();
    if (known.size > MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
  }
}

function digestOf(content: string, signature: string): string {
  return createHash('sha256').update(`${content.length}:${content}${signature}`).digest('hex');
}

async function sign(
  home: GpgHome,
  key: string,
  content: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const args = ['--local-user', key, `--digest-algo=${DIGEST}`, '--armor', '--detach-sign'];
  const result = await runGpg(home, { args, input: content, needsSecret: true, signal });
  if (result.exitCode === 0 && result.stdout.startsWith('-----BEGIN PGP SIGNATURE-----')) {
    return result.stdout;
  }
  throw new AppError('SIGNING_FAILED', `gpg could not sign with ${key}: ${lastWords(result)}`, {
    hint: 'See that the key is in signing.gnupg_home (or its agent runs), has not expired, and that passphrase_file fits; the former index stays and the run is tried again.',
  });
}

function notProved(key: string): AppError {
  return new AppError('SIGNING_FAILED', `gpg made a signature with ${key} that gpgv does not find good`, {
    hint: 'See that the key is in signing.gnupg_home and has not expired; the former index stays and the run is tried again.',
  });
}

/** Of those keys that are there: one that is missing must not hide what the others signed. */
async function makeOwnKeyring(
  home: GpgHome,
  keys: readonly string[],
  keyringDir: string,
): Promise<Keyring | undefined> {
  const armored = await exportPresentKeys(home, keys);
  return armored === undefined ? undefined : makeKeyringOf(armored, keyringDir);
}

/** The configured key that made a good signature: it is named by its own fingerprint or its primary key's. */
function keyBehind(verdict: SignatureVerdict, keys: readonly string[]): string | undefined {
  const { state, keyId = '', fingerprint = '' } = verdict;
  // What an expired or revoked key signed is not good, although the signature fits.
  if (state !== 'good') return undefined;
  return keys.find((key) => fingerprint.endsWith(key) || key.endsWith(keyId));
}
