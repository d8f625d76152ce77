import type { Header } from './header.ts';
import type { PackageSignature } from './rpm-package.ts';
import { RpmParseError } from './rpm-parse-error.ts';
import { SignatureTag, tagName } from './tag.ts';
import { readStrings } from './tag-array.ts';
import { STRING_TYPES, TagType } from './tag-type.ts';
import { findEntry } from './tag-value.ts';

/** The largest in use, SLH-DSA's, has 50 KB; an RSA signature has 600 bytes. */
const MAX_SIGNATURE_BYTES = 64 * 1024;
/** Each signature costs its verifier a process; real packages hardly have more than three. */
const MAX_SIGNATURES = 8;
/** Four characters for three bytes, and line breaks. */
const BASE64_GROWTH = 1.5;

/** The bytes that each tag's signature covers. Source: rpm, lib/rpmvs.cc, rpmvsitems (range); no tool verifies PGP5. */
const BINARY_SIGNATURES = [
  [SignatureTag.RSA, 'header'],
  [SignatureTag.DSA, 'header'],
  [SignatureTag.PGP, 'header-and-payload'],
  [SignatureTag.GPG, 'header-and-payload'],
] as const;

/**
 * Every OpenPGP signature of a package; they are not verified.
 *
 * Source: rpm, lib/rpmvs.cc, rpmvsitems and rpmvsAppendTag; docs/manual/format_v6.md and signatures_digests.md
 * (OPENPGP: any number of signatures of the header, each in base64).
 * @throws RpmParseError TAG_INVALID for a wrong type, LIMIT_EXCEEDED for too many or too large ones
 */
export function readSignatures(signature: Header): readonly PackageSignature[] {
  return [...readBinarySignatures(signature), ...readBase64Signatures(signature)];
}

function readBinarySignatures(signature: Header): readonly PackageSignature[] {
  return BINARY_SIGNATURES.flatMap(([tag, covers]) => {
    const entry = findEntry(signature, tag, [TagType.BIN]);
    if (entry === undefined) return [];
    checkSize(entry.end - entry.start, tag, entry.start);
    return [
      { tag: tagName('signature', tag), covers, packet: signature.bytes.subarray(entry.start, entry.end) },
    ];
  });
}

function readBase64Signatures(signature: Header): readonly PackageSignature[] {
  const tag = SignatureTag.OPENPGP;
  const entry = findEntry(signature, tag, STRING_TYPES);
  if (entry === undefined) return [];
  if (entry.count > MAX_SIGNATURES) {
    const expected = `expected at most ${MAX_SIGNATURES} signatures in ${tagName('signature', tag)}`;
    throw new RpmParseError('LIMIT_EXCEEDED', `${expected}, found ${entry.count}`, entry.start);
  }
  checkSize((entry.end - entry.start) / entry.count / BASE64_GROWTH, tag, entry.start);
  return [...readStrings(signature, entry)].map((text) => ({
    tag: tagName('signature', tag),
    covers: 'header',
    packet: decodeBase64(text),
  }));
}

function checkSize(sizeBytes: number, tag: number, offset: number): void {
  if (sizeBytes <= MAX_SIGNATURE_BYTES) return;
  const expected = `expected at most ${MAX_SIGNATURE_BYTES} bytes in ${tagName('signature', tag)}`;
  throw new RpmParseError('LIMIT_EXCEEDED', `${expected}, found ${Math.ceil(sizeBytes)}`, offset);
}

/** Empty, which is no signature, for what is no base64. */
function decodeBase64(text: string): Uint8Array {
  const base64 = text.replaceAll(/\s/g, '');
  const isBase64 = /^[A-Za-z0-9+/]*={0,2}$/.test(base64);
  return Buffer.from(isBase64 ? base64 : '', 'base64');
}
