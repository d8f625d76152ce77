import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError, toAppError } from '../errors.ts';
import { exportKeys } from './export-keys.ts';
import { type GpgHome, lastWords, runGpg } from './run-gpg.ts';

export interface SignerOptions extends GpgHome {
  /** Fingerprints, at least one: the first one signs, each of them may have signed. */
  readonly keys: readonly string[];
}

/** Signs repository metadata with the first of the configured keys. */
export interface Signer {
  /** @returns an armored detached signature. @throws AppError SIGNING_FAILED. */
  sign(content: string, signal?: AbortSignal): Promise<string>;
  /** True when the key that signs today made this signature of this content, and it is good. */
  isSignedNow(content: string, signature: string): Promise<boolean>;
  /** The configured key that made a good signature; undefined for any other one. */
  findKey(content: string, signature: string): Promise<string | undefined>;
  /** Every configured public key, armored. */
  exportKeys(): Promise<string>;
  /** What keeps it from signing now. */
  findFault(): Promise<AppError | undefined>;
}

// yum of Enterprise Linux 7 knows it, and nobody refuses it.
const DIGEST = 'SHA256';
// A publication a repository; one that was forgotten costs a call of gpg.
const MAX_REMEMBERED = 4096;

/** A signer that runs gpg. */
export function createSigner(options: SignerOptions): Signer {
  const [key = ''] = options.keys;
  const known = new Map<string, string>();

  return {
    sign: async (content, signal) => {
      const signature = await sign(options, key, content, signal);
      remember(content, signature, key);
      return signature;
    },
    isSignedNow: async (content, signature) => (await findKey(content, signature)) === key,
    findKey,
    exportKeys: () => exportKeys(options, options.keys),
    findFault: async () => {
      try {
        await sign(options, key, 'probe', undefined);
        return undefined;
      } catch (error) {
        return toAppError(error);
      }
    },
  };

  async function findKey(content: string, signature: string): Promise<string | undefined> {
    const digest = digestOf(content, signature);
    const found = known.get(digest) ?? (await findSigningKey(options, content, signature));
    if (found !== undefined) remember(content, signature, found);
    return found;
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

async function findSigningKey(
  { keys, ...home }: SignerOptions,
  content: string,
  signature: string,
): Promise<string | undefined> {
  // gpg takes the content on standard input, but the signature only as a file.
  const directory = await mkdtemp(join(tmpdir(), 'rpmyard-signature-'));
  try {
    const path = join(directory, 'signature.asc');
    await writeFile(path, signature);
    const args = ['--trust-model=always', '--verify', path, '-'];
    const { status } = await runGpg(home, { args, input: content });
    // An expired or revoked key has another word here, although its signature is valid.
    if (!status.some((line) => line.startsWith('GOODSIG '))) return undefined;
    // `VALIDSIG <fingerprint> ... <fingerprint of the primary key>`: a subkey may have signed.
    const fields = status.find((line) => line.startsWith('VALIDSIG '))?.split(' ') ?? [];
    return keys.find((key) => fields[1]?.endsWith(key) === true || fields.at(-1)?.endsWith(key) === true);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
