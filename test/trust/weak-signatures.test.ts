import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_THREADS } from '../../src/intake/inspection-threads.ts';
import { inspectPackage } from '../../src/intake/inspect-package.ts';
import { Tag } from '../../src/rpm/rpm-parser/tag.ts';
import { createGpgv } from '../../src/trust/create-gpgv.ts';
import { findWeakKeys } from '../../src/trust/find-weak-keys.ts';
import { makeKey } from '../../src/trust/make-key.ts';
import { type Keyring, makeKeyring } from '../../src/trust/keyring.ts';
import type { SignatureVerdict } from '../../src/api/signature-verdict.ts';
import { verifyPackageSignature } from '../../src/trust/signing/verify-package-signature.ts';
import { dropTags } from '../support/craft-rpm.ts';
import { createGpgKeys, type GpgKeys, stopAgent } from '../support/gpg-keys.ts';
import { craftSignedRpm, signedBy } from '../support/sign-rpm.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const ALGORITHMS = [
  'rsa1024',
  'rsa2048',
  'rsa3072',
  'dsa1024',
  'dsa2048',
  'ed25519',
  'nistp256',
  'nistp384',
  'nistp521',
  'brainpoolP256r1',
  'secp256k1',
] as const;
type Algorithm = (typeof ALGORITHMS)[number];

const gpgv = createGpgv();

let dir: TempDir;
let keys: GpgKeys;
let keyring: Keyring;
const fingerprints = new Map<string, string>();

const keyOf = (algorithm: Algorithm): string => fingerprints.get(algorithm) ?? '';

beforeAll(async () => {
  dir = await createTempDir();
  keys = await createGpgKeys();
  for (const algorithm of ALGORITHMS)
    fingerprints.set(algorithm, await keys.makeKey(`${algorithm} <${algorithm}@example.com>`, { algorithm }));
  const keyFile = join(dir.path, 'all.gpg');
  await writeFile(keyFile, await keys.gpg(['--export']));
  keyring = await makeKeyring([keyFile], join(dir.path, 'keyring'));
});

afterAll(async () => {
  await keys[Symbol.asyncDispose]();
  await dir.remove();
});

async function verdictOn(bytes: Buffer, ring = keyring): Promise<SignatureVerdict> {
  const path = join(dir.path, 'package.rpm');
  await writeFile(path, bytes);
  const file = { path, sizeBytes: (await stat(path)).size, sha256: undefined, expectedDigests: [] };
  const { rpm } = await inspectPackage(file, NO_THREADS);
  return verifyPackageSignature({ path, rpm }, ring, gpgv);
}

const by = (algorithm: Algorithm, digest = 'SHA256') =>
  signedBy(keys, keyOf(algorithm), '--digest-algo', digest);

const bySigned = async (algorithm: Algorithm, digest?: string): Promise<SignatureVerdict> =>
  verdictOn(await craftSignedRpm({}, { rsa: by(algorithm, digest) }));

describe('a signature with SHA-256', () => {
  it.each<Algorithm>(['rsa2048', 'rsa3072', 'ed25519', 'nistp256', 'nistp384', 'nistp521'])(
    'by a key of %s is good',
    async (algorithm) => {
      // ECDSA takes no digest that is shorter than its key.
      const verdict = await bySigned(algorithm, algorithm.startsWith('nistp') ? 'SHA512' : 'SHA256');
      expect(verdict).toMatchObject({ state: 'good', fingerprint: keyOf(algorithm) });
      expect(verdict).not.toHaveProperty('weakness');
    },
  );

  it.each<[Algorithm, string]>([
    ['rsa1024', 'RSA 1024'],
    ['dsa1024', 'DSA 1024'],
    ['dsa2048', 'DSA 2048'],
    ['brainpoolP256r1', 'ECDSA brainpoolP256r1'],
    ['secp256k1', 'ECDSA secp256k1'],
  ])('by a key of %s is weak, and says why', async (algorithm, key) => {
    expect(await bySigned(algorithm)).toEqual({
      state: 'weak',
      keyId: keyOf(algorithm).slice(-16),
      fingerprint: keyOf(algorithm),
      userId: `${algorithm} <${algorithm}@example.com>`,
      weakness: { key },
    });
  });
});

describe('a signature by an RSA key of 2048 bits', () => {
  it.each(['SHA224', 'SHA256', 'SHA384', 'SHA512'])('with %s is good', async (digest) => {
    expect(await bySigned('rsa2048', digest)).toMatchObject({ state: 'good' });
  });

  it.each([
    ['SHA1', 'SHA-1'],
    ['RIPEMD160', 'RIPEMD-160'],
  ])('with %s is weak', async (algorithm, digest) => {
    const verdict = await bySigned('rsa2048', algorithm);
    expect(verdict).toMatchObject({ state: 'weak', fingerprint: keyOf('rsa2048'), weakness: { digest } });
  });

  it('with MD5 cannot be checked, and says why', async () => {
    expect(await bySigned('rsa2048', 'MD5')).toMatchObject({
      state: 'unverifiable',
      weakness: { digest: 'MD5' },
    });
  });

  it('with SHA-1 of another package is bad, not weak', async () => {
    const other = async () => by('rsa2048', 'SHA1')(Buffer.from('another'));
    expect(await verdictOn(await craftSignedRpm({}, { rsa: other }))).toMatchObject({ state: 'bad' });
  });
});

describe('a package', () => {
  it('by a weak key and with a weak digest names both', async () => {
    expect(await bySigned('dsa1024', 'SHA1')).toMatchObject({
      state: 'weak',
      weakness: { digest: 'SHA-1', key: 'DSA 1024' },
    });
  });

  it('with a weak signature and a good one is good, in either order', async () => {
    for (const [rsa, dsa] of [
      [by('rsa2048', 'SHA1'), by('ed25519')],
      [by('rsa2048'), by('dsa1024')],
    ] as const)
      expect(await verdictOn(await craftSignedRpm({}, { rsa, dsa }))).toMatchObject({ state: 'good' });
  });

  it('whose payload only the weak one of its signatures covers is weak', async () => {
    const spec = { editHeader: dropTags(Tag.PAYLOADSHA256, Tag.PAYLOADSHA256ALGO) };
    const both = await craftSignedRpm(spec, { rsa: by('rsa2048'), pgp: by('rsa2048', 'SHA1') });
    expect(await verdictOn(both)).toMatchObject({ state: 'weak', weakness: { digest: 'SHA-1' } });
    const headerOnly = await craftSignedRpm(spec, { rsa: by('rsa2048', 'SHA1') });
    expect(await verdictOn(headerOnly)).toMatchObject({ state: 'header-only' });
  });

  it('by a strong subkey of a weak primary key is weak, as for hosts', async () => {
    const primary = await keys.makeKey('Sub <sub@example.com>', { algorithm: 'rsa1024' });
    await keys.gpg(['--passphrase', '', '--quick-add-key', primary, 'rsa2048', 'sign', 'never']);
    const ring = await makeKeyring([await keys.exportKey(primary)], join(dir.path, 'sub'));
    const verdict = await verdictOn(await craftSignedRpm({}, { rsa: signedBy(keys, primary) }), ring);
    expect(verdict).toMatchObject({ state: 'weak', fingerprint: primary, weakness: { key: 'RSA 1024' } });
    expect(verdict.keyId).not.toBe(primary.slice(-16));
  });

  it('by a weak subkey of a strong primary key is weak', async () => {
    const primary = await keys.makeKey('Weak sub <weak@example.com>', { algorithm: 'rsa2048' });
    await keys.gpg(['--passphrase', '', '--quick-add-key', primary, 'rsa1024', 'sign', 'never']);
    const ring = await makeKeyring([await keys.exportKey(primary)], join(dir.path, 'weak-sub'));
    const verdict = await verdictOn(await craftSignedRpm({}, { rsa: signedBy(keys, primary) }), ring);
    expect(verdict).toMatchObject({ state: 'weak', weakness: { key: 'RSA 1024' } });
  });

  it('by a key that holds its user id with SHA-1 is good: the key file is trusted, whatever it holds', async () => {
    const key = await keys.makeKey('Old id <id@example.com>', { algorithm: 'rsa2048', certDigest: 'SHA1' });
    const ring = await makeKeyring([await keys.exportKey(key)], join(dir.path, 'id'));
    const verdict = await verdictOn(await craftSignedRpm({}, { rsa: signedBy(keys, key) }), ring);
    expect(verdict).toMatchObject({ state: 'good' });
  });
});

describe('a key of our own', () => {
  const weaknessesOf = async (...names: readonly string[]) =>
    findWeakKeys({ gnupgHome: keys.path, passphraseFile: undefined }, names);

  it('that hosts refuse is named with the reason', async () => {
    expect(await weaknessesOf(keyOf('rsa1024'), keyOf('ed25519'), keyOf('dsa2048'))).toEqual([
      { fingerprint: keyOf('rsa1024'), weakness: 'key RSA 1024' },
      { fingerprint: keyOf('dsa2048'), weakness: 'key DSA 2048' },
    ]);
  });

  it('is named when it holds its user id with SHA-1, until it is signed anew', async () => {
    const key = await keys.makeKey('Held <held@example.com>', {
      algorithm: 'rsa2048',
      certDigest: 'SHA1',
      madeAt: '20240101T000000',
    });
    const weakness = 'its user id signed with SHA-1';
    expect(await weaknessesOf(key)).toEqual([{ fingerprint: key, weakness }]);
    await keys.gpg(['--cert-digest-algo', 'SHA256', '--passphrase', '', '--quick-set-expire', key, '1y']);
    expect(await weaknessesOf(key)).toEqual([]);
  });

  it('is none of all keys when none is named, and none when it is strong', async () => {
    expect(await weaknessesOf()).toEqual([]);
    expect(await weaknessesOf(keyOf('rsa3072'), keyOf('ed25519'), keyOf('nistp256'))).toEqual([]);
  });

  it('that rpmyard makes is none', async () => {
    await using home = await createTempDir('gpg-');
    const gpgHome = { gnupgHome: home.path, passphraseFile: undefined };
    try {
      const key = await makeKey(gpgHome, 'made');
      expect(await findWeakKeys(gpgHome, [key])).toEqual([]);
    } finally {
      await stopAgent(home.path);
    }
  });
});
