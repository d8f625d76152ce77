import { RpmParseError } from './rpm-parse-error.ts';

/** Bytes of the lead. Source: rpm, lib/rpmlead.cc, struct rpmlead_s. */
export const LEAD_BYTES = 96;

const MAGIC = [0xed, 0xab, 0xee, 0xdb] as const;
/** What clients send in place of a package, by the first bytes. Source: file(1), magic/Magdir. */
const OTHER_CONTENTS: readonly (readonly [hex: string, name: string])[] = [
  ['1f8b', 'gzip'],
  ['fd377a58', 'xz'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
  ['504b0304', 'zip'],
  ['213c6172', 'a Debian package'],
  ['6472706d', 'a delta RPM'],
  ['30373037', 'cpio'],
  ['7f454c46', 'a program'],
  ['2321', 'a script'],
  ['76657273', 'a Git LFS pointer'],
  ['2d2d', 'a form'],
  ['3c', 'HTML or XML'],
  ['7b', 'JSON'],
];
const MAJOR_OFFSET = 4;
const SIGNATURE_TYPE_OFFSET = 78;

/** The only signature type left: a signature header follows the lead. Source: rpm, lib/rpmlead.cc, RPMSIGTYPE_HEADERSIG. */
const HEADER_SIGNATURE = 5;

/**
 * Compares what there is of the first four bytes with the magic of an RPM package.
 *
 * @throws RpmParseError NOT_AN_RPM
 */
export function checkMagic(bytes: Uint8Array): void {
  const wrongAt = MAGIC.findIndex((expected, index) => index < bytes.length && bytes[index] !== expected);
  if (wrongAt === -1) return;
  const found = Buffer.from(bytes.subarray(0, MAGIC.length)).toString('hex');
  const name = OTHER_CONTENTS.find(([hex]) => found.startsWith(hex))?.[1];
  const named = name === undefined ? found : `${name}: ${found}`;
  throw new RpmParseError(
    'NOT_AN_RPM',
    `expected the magic edabeedb of an RPM package, found ${named}`,
    wrongAt,
  );
}

/**
 * Checks the only two fields of the lead that mean anything. Its name, type and architecture are not to
 * be trusted and are not read: the main header has them.
 *
 * Source: rpm 4.18, lib/rpmlead.c, rpmLeadCheck: major 3 or 4, signature type 5.
 *
 * @param bytes at least the first 96 bytes of the file
 * @throws RpmParseError LEAD_INVALID
 */
export function checkLead(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, LEAD_BYTES);
  const major = view.getUint8(MAJOR_OFFSET);
  if (major !== 3 && major !== 4) {
    throw new RpmParseError('LEAD_INVALID', `expected lead version 3 or 4, found ${major}`, MAJOR_OFFSET);
  }
  const signatureType = view.getUint16(SIGNATURE_TYPE_OFFSET);
  if (signatureType !== HEADER_SIGNATURE) {
    const expected = `expected signature type ${HEADER_SIGNATURE} in the lead`;
    throw new RpmParseError('LEAD_INVALID', `${expected}, found ${signatureType}`, SIGNATURE_TYPE_OFFSET);
  }
}
