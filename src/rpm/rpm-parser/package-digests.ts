import { type DigestAlgorithm, isDigestHex } from './digest-algorithm.ts';
import type { Header } from './header.ts';
import { checkSignatureTags } from './check-signature-tags.ts';
import { readPayloadDigests } from './payload-digests.ts';
import type { PackageDigests } from './rpm-package.ts';
import { SignatureTag, Tag } from './tag.ts';
import { TagType } from './tag-type.ts';
import { findEntry, invalidTag, readHex, readInt64, readNumber } from './tag-value.ts';
import { decodeText } from './text.ts';

const MD5_BYTES = 16;

const SIGNATURES: readonly number[] = [
  SignatureTag.DSA,
  SignatureTag.RSA,
  SignatureTag.PGP,
  SignatureTag.GPG,
  SignatureTag.PGP5,
  SignatureTag.OPENPGP,
];

/**
 * All digests that the two headers record.
 *
 * Source: rpm, lib/rpmvs.cc, rpmvfyitems.
 *
 * @param mainBytes length of the main header
 * @throws RpmParseError TAG_INVALID for a wrong type, count or length, or a tag in the wrong header; what is wrong with a
 *   digest of the payload stands in the result, because another one may stand for it
 */
export function readDigests(signature: Header, main: Header, mainBytes: number): PackageDigests {
  checkSignatureTags(signature, main);
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

/** Whether the signature header holds an OpenPGP signature of any kind. */
export function hasSignature(signature: Header): boolean {
  return SIGNATURES.some((tag) => signature.entries.has(tag));
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
  return readInt64(signature, SignatureTag.LONGSIZE) ?? readNumber(signature, SignatureTag.SIZE);
}

function readDigest(header: Header, tag: number, algorithm: DigestAlgorithm): string | undefined {
  const entry = findEntry(header, tag, [TagType.STRING]);
  if (entry === undefined) return undefined;
  const hex = decodeText(header.bytes, entry.start, entry.end - 1);
  if (isDigestHex(hex, algorithm)) return hex.toLowerCase();
  throw invalidTag(header, entry, `expected ${algorithm} in hex, found ${hex.length} characters`);
}
