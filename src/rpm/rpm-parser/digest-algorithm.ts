/** Names as node:crypto knows them. */
export type DigestAlgorithm =
  | 'md5'
  | 'sha1'
  | 'sha224'
  | 'sha256'
  | 'sha384'
  | 'sha512'
  | 'sha3-256'
  | 'sha3-512';

interface KnownAlgorithm {
  readonly algorithm: DigestAlgorithm;
  /** Characters of the digest in hex. */
  readonly hexLength: number;
}

/** By the numbers OpenPGP gives them. Source: RFC 9580, section 9.5; rpm, include/rpm/rpmcrypto.h, rpmHashAlgo. */
const ALGORITHMS: ReadonlyMap<number, KnownAlgorithm> = new Map([
  [1, { algorithm: 'md5', hexLength: 32 }],
  [2, { algorithm: 'sha1', hexLength: 40 }],
  [8, { algorithm: 'sha256', hexLength: 64 }],
  [9, { algorithm: 'sha384', hexLength: 96 }],
  [10, { algorithm: 'sha512', hexLength: 128 }],
  [11, { algorithm: 'sha224', hexLength: 56 }],
  [12, { algorithm: 'sha3-256', hexLength: 64 }],
  [14, { algorithm: 'sha3-512', hexLength: 128 }],
]);

const HEX_LENGTHS = new Map([...ALGORITHMS.values()].map((known) => [known.algorithm, known.hexLength]));

/** The algorithm behind a number of FILEDIGESTALGO or PAYLOADSHA256ALGO, or undefined. */
export function digestAlgorithm(number: number): DigestAlgorithm | undefined {
  return ALGORITHMS.get(number)?.algorithm;
}

/** Characters of a digest in hex. */
export function hexLength(algorithm: DigestAlgorithm): number | undefined {
  return HEX_LENGTHS.get(algorithm);
}

/** Whether the text is hex of the length that a digest of this algorithm has. */
export function isDigestHex(text: string, algorithm: DigestAlgorithm): boolean {
  return text.length === hexLength(algorithm) && /^[0-9a-fA-F]+$/.test(text);
}
