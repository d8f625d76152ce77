import { type DigestAlgorithm, digestAlgorithm, isDigestHex } from './digest-algorithm.ts';
import type { Header } from './header.ts';
import type { PackageDigests } from './rpm-package.ts';
import { SignatureTag, Tag } from './tag.ts';
import { TagType } from './tag-type.ts';
import { STRING_TYPES } from './tag-array.ts';
import {
  expectCount,
  findEntry,
  invalidTag,
  readHex,
  readInt32,
  readInt64,
  readString,
} from './tag-value.ts';
import { decodeText } from './text.ts';

const MD5_BYTES = 16;

const BINARY_SIGNATURES: readonly number[] = [
  SignatureTag.DSA,
  SignatureTag.RSA,
  SignatureTag.PGP,
  SignatureTag.GPG,
  SignatureTag.PGP5,
];

/** Belong into the signature header only. Source: rpm, lib/package.cc, xlateTags without the quirks. */
const SIGNATURE_ONLY: readonly number[] = [
  Tag.SIGSIZE,
  Tag.SIGPGP,
  Tag.SIGMD5,
  Tag.SIGGPG,
  Tag.DSAHEADER,
  Tag.RSAHEADER,
  Tag.SHA1HEADER,
  Tag.LONGSIGSIZE,
  Tag.LONGARCHIVESIZE,
  Tag.SHA256HEADER,
  Tag.OPENPGP,
  Tag.SHA3_256HEADER,
];

/**
 * All digests that the two headers record.
 *
 * Source: rpm, lib/package.cc, headerMergeLegacySigs (types and counts); lib/rpmvs.cc, rpmvsitems.
 *
 * @param mainBytes length of the main header
 * @throws RpmParseError TAG_INVALID for a wrong type, count or length, or a tag in the wrong header
 */
export function readDigests(signature: Header, main: Header, mainBytes: number): PackageDigests {
  refuseSignatureTags(main);
  const headerSha256 = readDigest(signature, SignatureTag.SHA256, 'sha256');
  const headerSha1 = readDigest(signature, SignatureTag.SHA1, 'sha1');
  const headerSha3_256 = readDigest(signature, SignatureTag.SHA3_256, 'sha3-256');
  const headerAndPayloadMd5 = readHex(signature, SignatureTag.MD5, MD5_BYTES);
  const sizeBytes = readSize(signature, main, mainBytes);
  return {
    ...(headerSha256 !== undefined && { headerSha256 }),
    ...(headerSha1 !== undefined && { headerSha1 }),
    ...(headerSha3_256 !== undefined && { headerSha3_256 }),
    ...(headerAndPayloadMd5 !== undefined && { headerAndPayloadMd5 }),
    ...(sizeBytes !== undefined && { headerAndPayloadSizeBytes: sizeBytes }),
    payload: readPayloadDigests(main),
  };
}

/**
 * Whether the signature header holds an OpenPGP signature of any kind.
 *
 * @throws RpmParseError TAG_INVALID for one of the wrong type
 */
export function hasSignature(signature: Header): boolean {
  const binary = BINARY_SIGNATURES.filter((tag) => findEntry(signature, tag, [TagType.BIN]) !== undefined);
  return binary.length > 0 || findEntry(signature, SignatureTag.OPENPGP, STRING_TYPES) !== undefined;
}

/** Otherwise a main header could pass off digests of its own as those of the signature header. */
function refuseSignatureTags(main: Header): void {
  for (const tag of SIGNATURE_ONLY) {
    const entry = main.entries.get(tag);
    if (entry)
      throw invalidTag(main, entry, 'expected it in the signature header, found it in the main header');
  }
}

/**
 * Format 6 has the size of the payload as it is in the file, covered by the digests of the main header, in place of the
 * sizes in the signature header.
 *
 * Source: rpm, build/pack.cc, writeRPM (payloadSize); docs/manual/format_v6.md (PAYLOADSIZE).
 */
function readSize(signature: Header, main: Header, mainBytes: number): number | undefined {
  const payloadBytes = readInt64(main, Tag.PAYLOADSIZE);
  if (payloadBytes !== undefined) return mainBytes + payloadBytes;
  return readInt64(signature, SignatureTag.LONGSIZE) ?? readInt32(signature, SignatureTag.SIZE);
}

function readDigest(header: Header, tag: number, algorithm: DigestAlgorithm): string | undefined {
  const hex = readString(header, tag);
  return hex === undefined ? undefined : checkDigest(header, tag, { algorithm, hex }).hex;
}

function readPayloadDigests(main: Header): PackageDigests['payload'] {
  const sha512 = readDigest(main, Tag.PAYLOADSHA512, 'sha512');
  const sha3 = readDigest(main, Tag.PAYLOADSHA3_256, 'sha3-256');
  return [
    ...readNumberedPayloadDigest(main),
    ...(sha512 === undefined ? [] : [{ algorithm: 'sha512' as const, hex: sha512 }]),
    ...(sha3 === undefined ? [] : [{ algorithm: 'sha3-256' as const, hex: sha3 }]),
  ];
}

/** PAYLOADSHA256, formerly PAYLOADDIGEST: format 4 says the algorithm beside it, in format 6 it is sha256. */
function readNumberedPayloadDigest(main: Header): PackageDigests['payload'] {
  const entry = findEntry(main, Tag.PAYLOADSHA256, STRING_TYPES);
  if (entry === undefined) return [];
  expectCount(main, entry, 1);
  const number = readInt32(main, Tag.PAYLOADSHA256ALGO);
  const algorithm = number === undefined ? 'sha256' : digestAlgorithm(number);
  if (algorithm === undefined)
    throw invalidTag(main, entry, `expected a known digest algorithm, found ${number}`);
  const hex = decodeText(main.bytes, entry.start, entry.end - 1);
  return [checkDigest(main, Tag.PAYLOADSHA256, { algorithm, hex })];
}

function checkDigest(header: Header, tag: number, digest: PackageDigests['payload'][number]) {
  if (isDigestHex(digest.hex, digest.algorithm)) return { ...digest, hex: digest.hex.toLowerCase() };
  const entry = findEntry(header, tag, STRING_TYPES);
  if (entry === undefined) return digest;
  throw invalidTag(
    header,
    entry,
    `expected ${digest.algorithm} in hex, found ${digest.hex.length} characters`,
  );
}
