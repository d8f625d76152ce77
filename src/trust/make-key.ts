import { mkdir } from 'node:fs/promises';
import { AppError } from '../errors.ts';
import type { GpgHome } from '../base/config/load.ts';
import { runGpg } from './signing/run-gpg.ts';
import { lastWords } from './run-tool.ts';

// Every rpm, yum, dnf and zypper from Enterprise Linux 7 on verifies RSA; not all of them take elliptic curves.
const ALGORITHM = 'rsa4096';
// Finding two primes takes seconds, on a slow machine without entropy minutes.
const TIME_LIMIT_MS = 300_000;

/**
 * Fingerprints of the keys in a GNUPGHOME whose secret part is there, or known to its agent.
 * @throws AppError SIGNING_TOOL_*.
 */
export async function listSecretKeys(home: GpgHome): Promise<readonly string[]> {
  const { stdout } = await runGpg(home, { args: ['--with-colons', '--list-secret-keys'] });
  // After each `sec` line the first `fpr` line is the primary key's.
  return [...stdout.matchAll(/^sec:.*\n(?:(?!sec:|fpr:).*\n)*fpr:+([0-9A-F]+):/gm)].flatMap(
    ([, fingerprint]) => fingerprint ?? [],
  );
}

/**
 * Makes a key that only signs and never expires: hosts would refuse the repository on the day it does.
 * @returns its fingerprint. @throws AppError SIGNING_FAILED, SIGNING_TOOL_*.
 */
export async function makeKey(home: GpgHome, userId: string): Promise<string> {
  await mkdir(home.gnupgHome, { recursive: true, mode: 0o700 });
  // An empty passphrase is no secret.
  const unprotected =
    home.passphraseFile === undefined ? ['--pinentry-mode=loopback', '--passphrase', ''] : [];
  const result = await runGpg(home, {
    // Without --yes a second key for the same user id is refused.
    // gpg 2.0 takes SHA-1, and hosts of today do not import such a key.
    args: [
      ...unprotected,
      '--cert-digest-algo=SHA256',
      '--yes',
      '--quick-generate-key',
      userId,
      ALGORITHM,
      'sign',
      'never',
    ],
    needsSecret: true,
    makesKey: true,
    timeoutMs: TIME_LIMIT_MS,
  });
  // `KEY_CREATED <type> <fingerprint>`
  const created = result.status.find((line) => line.startsWith('KEY_CREATED '))?.split(' ')[2];
  if (result.exitCode === 0 && created) return created;
  throw new AppError('SIGNING_FAILED', `gpg made no key: ${lastWords(result)}`, {
    hint: `See that ${home.gnupgHome} belongs to this user and has mode 0700.`,
  });
}
