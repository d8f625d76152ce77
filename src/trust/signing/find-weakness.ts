import type { DigestAlgorithm } from '../../rpm/rpm-parser/digest-algorithm.ts';
import type { ListedKey } from './read-key-list.ts';
import type { Weakness } from '../../api/signature-verdict.ts';

/** By their numbers in OpenPGP. Source: RFC 9580, section 9.5. */
const WEAK_DIGEST_NAMES: Readonly<Record<number, string>> = { 1: 'MD5', 2: 'SHA-1', 3: 'RIPEMD-160' };
const DIGEST_NUMBERS: Readonly<Record<DigestAlgorithm, number>> = {
  md5: 1,
  sha1: 2,
  sha256: 8,
  sha384: 9,
  sha512: 10,
  sha224: 11,
  'sha3-256': 12,
  'sha3-512': 14,
};
const STRONG_DIGESTS: readonly number[] = [8, 9, 10, 11, 12, 14];
const STRONG_CURVES: readonly string[] = ['ed25519', 'ed448', 'nistp256', 'nistp384', 'nistp521'];
const MIN_RSA_BITS = 2048;

/** Source: RFC 9580, section 9.1. */
const RSA: readonly number[] = [1, 2, 3];
const CURVES: readonly number[] = [19, 22, 27, 28];
const NAMES: Readonly<Record<number, string>> = { 17: 'DSA', 19: 'ECDSA', 22: 'EdDSA' };

/**
 * What makes hosts of today refuse a signature that fits, or undefined: any digest and any key that the DEFAULT policy of
 * Enterprise Linux does not name.
 *
 * Source: fedora-crypto-policies, policies/DEFAULT.pol (hash: SHA-2 and SHA-3 from 224 bits on; sign: RSA, ECDSA and EdDSA
 * with these, no DSA; group: X25519, X448 and the three NIST curves; min_rsa_size: 2048), as python/policygenerators/
 * sequoia.py renders it into /etc/crypto-policies/back-ends/rpm-sequoia.config, where default_disposition is "never".
 * Fedora's exceptions for rpm (hash@RPM = SHA1+, sign@RPM = DSA-SHA1+) are not taken over: Enterprise Linux 9 refuses
 * SHA-1. rpm-sequoia takes signature packets of version 3 (src/lib.rs), and so does this.
 */
export function findWeakness(digestAlgorithm: number, key: ListedKey): Weakness | undefined {
  const digest = findWeakDigest(digestAlgorithm);
  // An attacker who computes the primary key makes subkeys.
  const weakKey = findWeakKey(key) ?? (key.primary && findWeakKey(key.primary));
  if (digest === undefined && weakKey === undefined) return undefined;
  return { ...(digest !== undefined && { digest }), ...(weakKey !== undefined && { key: weakKey }) };
}

/**
 * The name of a weak digest; undefined for a strong one.
 * @param algorithm by its number in OpenPGP, or as node:crypto calls it.
 */
export function findWeakDigest(algorithm: number | DigestAlgorithm): string | undefined {
  const number = typeof algorithm === 'number' ? algorithm : DIGEST_NUMBERS[algorithm];
  return STRONG_DIGESTS.includes(number) ? undefined : (WEAK_DIGEST_NAMES[number] ?? `number ${number}`);
}

/** Undefined for a strong one. */
export function findWeakKey({ algorithm, bits, curve }: ListedKey): string | undefined {
  if (RSA.includes(algorithm)) return bits >= MIN_RSA_BITS ? undefined : `RSA ${bits}`;
  if (CURVES.includes(algorithm) && STRONG_CURVES.includes(curve)) return undefined;
  return `${NAMES[algorithm] ?? `algorithm ${algorithm}`} ${curve || bits}`;
}
