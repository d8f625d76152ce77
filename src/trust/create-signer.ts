import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, toAppError } from '../errors.ts';
import { asSigningFault } from './signing/as-signing-fault.ts';
import { countsAsOwn } from './signing/counts-as-own.ts';
import { createGpgv } from './create-gpgv.ts';
import { exportKeys, exportPresentKeys } from './signing/export-keys.ts';
import { findWeakKeys, type WeakKey } from './find-weak-keys.ts';
import type { GpgHome } from '../base/config/load.ts';
import { type Keyring, makeKeyringOf } from './keyring.ts';
import { runGpg } from './signing/run-gpg.ts';
import { lastWords } from './run-tool.ts';
import type { SignatureVerdict } from '../api/signature-verdict.ts';

export interface SignerOptions extends GpgHome {
  /** Fingerprints, at least one: the first one signs, each of them may have signed. */
  readonly keys: readonly string[];
  /** A directory for the public keys, which no other code uses; made when the first signature is verified. */
  readonly keyringDir: string;
}

/**
 * Signs repository metadata with the first of the configured keys.
 * @throws AppError SIGNING_FAILED, from each of its functions.
 */
export interface Signer {
  /** @returns an armored detached signature. */
  sign(content: string, signal?: AbortSignal): Promise<string>;
  /** True when the present signing key made this signature of this content, and it is good. */
  isSignedNow(content: string, signature: string): Promise<boolean>;
  /** The configured key that made a good signature; undefined for any other one. */
  findKey(content: string, signature: string): Promise<string | undefined>;
  /** The configured keys whose public part is missing. */
  findMissingKeys(): Promise<readonly string[]>;
  /** Every configured public key, armored. */
  exportKeys(): Promise<string>;
  /** Those of them that are there, as gpg exported them last: for the first publication, and after a key was extended. */
  publicKeys(): Promise<string>;
  /** Configured keys that hosts of today refuse. */
  findWeakKeys(): Promise<readonly WeakKey[]>;
  /** The fault that keeps it from signing now. */
  findFault(): Promise<AppError | undefined>;
  /** The fault of its last signing. */
  lastFault(): AppError | undefined;
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

/** A signer that runs gpg, and gpgv to verify. @throws AppError CONFIG_INVALID without a key. */
export function createSigner(options: SignerOptions): Signer {
  const { keys, keyringDir } = options;
  const key = firstOf(keys);
  const gpgv = createGpgv();
  const known = new Map<string, string>();
  let ownKeyring: Promise<Keyring | undefined> | undefined;
  let keyringsMade = 0;
  let lastFault: AppError | undefined;
  let exported: Promise<string> | undefined;

  return {
    sign: signAndProve,
    isSignedNow: async (content, signature) => (await findSigner({ content, signature })) === key,
    findKey: (content, signature) => findSigner({ content, signature }),
    findMissingKeys: () => asSigningFault(() => missingKeys(options, keys)),
    exportKeys: () => asSigningFault(() => exportKeys(options, keys)),
    publicKeys: () => {
      exported ??= exportAnew();
      return exported;
    },
    findWeakKeys: () => asSigningFault(() => findWeakKeys(options, keys)),
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

  async function exportAnew(): Promise<string> {
    try {
      return (await asSigningFault(() => exportPresentKeys(options, keys))) ?? '';
    } catch (error) {
      exported = undefined;
      throw error;
    }
  }

  async function signAndProve(content: string, signal?: AbortSignal): Promise<string> {
    try {
      const signature = await asSigningFault(() => sign(options, key, content, signal));
      if (!(await isProved({ content, signature, signal }))) throw notProved(key);
      lastFault = undefined;
      return signature;
    } catch (error) {
      if (signal?.aborted !== true) lastFault = toAppError(error);
      throw error;
    }
  }

  /** gpg ended without an error, but hosts go by the signature. */
  async function isProved(signed: Signed): Promise<boolean> {
    const keyring = ownKeyring;
    if ((await findSigner(signed)) === key) return true;
    // The keyring may be from a time before the key was extended.
    if (ownKeyring === keyring) ownKeyring = undefined;
    exported = undefined;
    return (await findSigner(signed)) === key;
  }

  async function findSigner(signed: Signed): Promise<string | undefined> {
    const digest = digestOf(signed);
    const found = known.get(digest) ?? (await asSigningFault(() => verify(signed)));
    if (found !== undefined) remember(digest, found);
    return found;
  }

  async function verify({ content, signature, signal }: Signed): Promise<string | undefined> {
    ownKeyring ??= makeOwnKeyring();
    const making = ownKeyring;
    try {
      const keyring = await making;
      if (keyring !== undefined) {
        const verdict = await gpgv({ signature: Buffer.from(signature), content, signal }, keyring);
        return keyBehind(verdict, keys);
      }
    } catch (error) {
      if (ownKeyring === making) ownKeyring = undefined;
      throw error;
    }
    // An administrator may add a key while the service runs.
    if (ownKeyring === making) ownKeyring = undefined;
    return undefined;
  }

  /**
   * Each keyring has a directory of its own: a verification may still read the one before, but hardly the one before
   * that.
   */
  async function makeOwnKeyring(): Promise<Keyring | undefined> {
    keyringsMade += 1;
    const number = keyringsMade;
    const former = number === 1 ? keyringDir : join(keyringDir, String(number - 2));
    await rm(former, { recursive: true, force: true });
    // Made of the keys that are there: a missing one must not hide what the others signed.
    const armored = await exportPresentKeys(options, keys);
    return armored === undefined ? undefined : makeKeyringOf(armored, join(keyringDir, String(number)));
  }

  function remember(digest: string, by: string): void {
    known.set(digest, by);
    const [oldest] = known.keys();
    if (known.size > MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
  }
}

async function missingKeys(home: GpgHome, keys: readonly string[]): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const key of keys) {
    if ((await exportPresentKeys(home, [key])) === undefined) missing.push(key);
  }
  return missing;
}

function firstOf([key]: readonly string[]): string {
  if (key !== undefined) return key;
  throw new AppError('CONFIG_INVALID', 'signing.keys names no key', {
    hint: 'Name the fingerprint of a key that is in signing.gnupg_home.',
  });
}

function digestOf({ content, signature }: Signed): string {
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
