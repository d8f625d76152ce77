import { createHash } from 'node:crypto';
import { AppError, toAppError } from '../errors.ts';
import { asSigningFault } from './signing/as-signing-fault.ts';
import { countsAsOwn } from './signing/counts-as-own.ts';
import { createGpgv } from './create-gpgv.ts';
import { exportKeys, exportPresentKeys } from './signing/export-keys.ts';
import { findWeakKeys, type WeakKey } from './find-weak-keys.ts';
import type { GpgHome } from '../base/config/load.ts';
import { OwnKeyring } from './signing/own-keyring.ts';
import { runGpg } from './signing/run-gpg.ts';
import { lastWords } from './run-tool.ts';
import type { SignatureVerdict } from '../api/signature-verdict.ts';

export interface SignerOptions extends GpgHome {
  /** Fingerprints, at least one: the first one signs, each of them may have signed. */
  readonly keys: readonly string[];
  /** A directory for the public keys, which no other code uses; made when the first signature is verified. */
  readonly keyringDir: string;
}

// yum of Enterprise Linux 7 knows this digest, and no host refuses it.
const DIGEST = 'SHA256';
// One publication for each repository; a forgotten one costs a call of gpgv.
const MAX_REMEMBERED = 4096;

interface Signed {
  readonly content: string;
  readonly signature: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Signs repository metadata with the first of the configured keys, by gpg, and verifies with gpgv.
 * @throws AppError SIGNING_FAILED, from each of its methods; CONFIG_INVALID without a key.
 */
export class Signer {
  readonly #home: GpgHome;
  readonly #keys: readonly string[];
  /** The key that signs. */
  readonly #key: string;
  readonly #gpgv = createGpgv();
  readonly #keyring: OwnKeyring;
  /** The key behind each signature that was found good. */
  readonly #known = new Map<string, string>();
  #exported: Promise<string> | undefined;
  #lastFault: AppError | undefined;

  constructor(options: SignerOptions) {
    this.#home = options;
    this.#keys = options.keys;
    this.#key = pickFirst(options.keys);
    this.#keyring = new OwnKeyring(options, options.keys, options.keyringDir);
  }

  /** @returns an armored detached signature. */
  async sign(content: string, signal?: AbortSignal): Promise<string> {
    try {
      const signature = await asSigningFault(() => sign(this.#home, this.#key, content, signal));
      if (!(await this.#isProved({ content, signature, signal }))) throw notProved(this.#key);
      this.#lastFault = undefined;
      return signature;
    } catch (error) {
      if (signal?.aborted !== true) this.#lastFault = toAppError(error);
      throw error;
    }
  }

  /** True when the present signing key made this signature of this content, and it is good. */
  async isSignedNow(content: string, signature: string): Promise<boolean> {
    return (await this.#findSigner({ content, signature })) === this.#key;
  }

  /** The configured key that made a good signature; undefined for any other one. */
  findKey(content: string, signature: string): Promise<string | undefined> {
    return this.#findSigner({ content, signature });
  }

  /** The configured keys whose public part is missing. */
  findMissingKeys(): Promise<readonly string[]> {
    return asSigningFault(() => missingKeys(this.#home, this.#keys));
  }

  /** Every configured public key, armored. */
  exportKeys(): Promise<string> {
    return asSigningFault(() => exportKeys(this.#home, this.#keys));
  }

  /** Those of them that are there, as gpg exported them last: for the first publication, and after a key was extended. */
  publicKeys(): Promise<string> {
    this.#exported ??= this.#exportAnew();
    return this.#exported;
  }

  /** Configured keys that hosts of today refuse. */
  findWeakKeys(): Promise<readonly WeakKey[]> {
    return asSigningFault(() => findWeakKeys(this.#home, this.#keys));
  }

  /** The fault that keeps it from signing now. */
  async findFault(): Promise<AppError | undefined> {
    try {
      await this.sign('probe');
      return undefined;
    } catch (error) {
      return toAppError(error);
    }
  }

  /** The fault of its last signing. */
  lastFault(): AppError | undefined {
    return this.#lastFault;
  }

  async #exportAnew(): Promise<string> {
    try {
      return (await asSigningFault(() => exportPresentKeys(this.#home, this.#keys))) ?? '';
    } catch (error) {
      this.#exported = undefined;
      throw error;
    }
  }

  /** gpg ended without an error, but hosts go by the signature. */
  async #isProved(signed: Signed): Promise<boolean> {
    const { madeCount } = this.#keyring;
    if ((await this.#findSigner(signed)) === this.#key) return true;
    // The keyring may be from a time before the key was extended.
    this.#keyring.renew(madeCount);
    this.#exported = undefined;
    return (await this.#findSigner(signed)) === this.#key;
  }

  async #findSigner(signed: Signed): Promise<string | undefined> {
    const digest = digestSigned(signed);
    const found = this.#known.get(digest) ?? (await asSigningFault(() => this.#verify(signed)));
    if (found !== undefined) this.#remember(digest, found);
    return found;
  }

  async #verify({ content, signature, signal }: Signed): Promise<string | undefined> {
    const verdict = await this.#keyring.use((keyring) =>
      this.#gpgv({ signature: Buffer.from(signature), content, signal }, keyring),
    );
    return verdict && keyBehind(verdict, this.#keys);
  }

  #remember(digest: string, by: string): void {
    this.#known.set(digest, by);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
  }
}

async function missingKeys(home: GpgHome, keys: readonly string[]): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const key of keys) {
    if ((await exportPresentKeys(home, [key])) === undefined) missing.push(key);
  }
  return missing;
}

function pickFirst([key]: readonly string[]): string {
  if (key !== undefined) return key;
  throw new AppError('CONFIG_INVALID', 'signing.keys names no key', {
    hint: 'Name the fingerprint of a key that is in signing.gnupg_home.',
  });
}

function digestSigned({ content, signature }: Signed): string {
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

/**
 * The configured key that made a good signature: gpgv names it by its own fingerprint, by its primary key's, or by the
 * end of one. When gpgv names no key, none made it: every text ends with an empty one.
 */
function keyBehind(verdict: SignatureVerdict, keys: readonly string[]): string | undefined {
  const { keyId, fingerprint } = verdict;
  // A signature by an expired or revoked key does not count, even if it fits.
  if (!countsAsOwn(verdict) || !keyId || !fingerprint) return undefined;
  return keys.find((key) => fingerprint.endsWith(key) || key.endsWith(keyId));
}
