import { INTRO_BYTES, readHeaderIntro } from './header-intro.ts';
import { checkLead, checkMagic, LEAD_BYTES } from './lead.ts';
import { RpmParseError } from './rpm-parse-error.ts';

/** The main header begins at a multiple of 8 bytes. Source: rpm, lib/header.cc, hdrblobRead (pad). */
const SIGNATURE_ALIGNMENT_BYTES = 8;

/** What the first bytes of a file say about how far its headers reach. All numbers are byte offsets in the file. */
export type HeaderExtent =
  | { readonly isComplete: false; readonly neededBytes: number }
  | {
      readonly isComplete: true;
      readonly signatureStart: number;
      readonly headerStart: number;
      readonly payloadStart: number;
    };

/**
 * Says how many bytes of a package hold its headers. When it answers `isComplete: false`, read on until
 * there are `neededBytes` (always more than there were, never more than the file has) and ask again;
 * three rounds suffice. When it answers `isComplete: true`, `prefix` holds all that `parseRpm` needs.
 *
 * Every length is held against rpm's limits and against the file's size before it is believed.
 *
 * @param prefix the first bytes of the file, from none to all
 * @throws RpmParseError NOT_AN_RPM, LEAD_INVALID, HEADER_INVALID, LIMIT_EXCEEDED, or TRUNCATED when the
 *   file ends before its headers do
 */
export function measureHeader(prefix: Uint8Array, fileSizeBytes: number): HeaderExtent {
  checkMagic(prefix);
  const signatureIntroEnd = LEAD_BYTES + INTRO_BYTES;
  checkFileReaches(signatureIntroEnd, fileSizeBytes, 'lead and the start of the signature header');
  if (prefix.length < signatureIntroEnd) return { isComplete: false, neededBytes: signatureIntroEnd };

  checkLead(prefix);
  const signature = readHeaderIntro(prefix, LEAD_BYTES, 'signature');
  const headerStart = alignUp(signature.dataEnd);
  const headerIntroEnd = headerStart + INTRO_BYTES;
  checkFileReaches(headerIntroEnd, fileSizeBytes, 'signature header and the start of the main header');
  if (prefix.length < headerIntroEnd) return { isComplete: false, neededBytes: headerIntroEnd };

  const payloadStart = readHeaderIntro(prefix, headerStart, 'main').dataEnd;
  checkFileReaches(payloadStart, fileSizeBytes, 'main header');
  if (prefix.length < payloadStart) return { isComplete: false, neededBytes: payloadStart };
  return { isComplete: true, signatureStart: LEAD_BYTES, headerStart, payloadStart };
}

function alignUp(offset: number): number {
  return Math.ceil(offset / SIGNATURE_ALIGNMENT_BYTES) * SIGNATURE_ALIGNMENT_BYTES;
}

function checkFileReaches(end: number, fileSizeBytes: number, part: string): void {
  if (end <= fileSizeBytes) return;
  const expected = `expected ${end} bytes for the ${part}`;
  throw new RpmParseError('TRUNCATED', `${expected}, found a file of ${fileSizeBytes}`, fileSizeBytes);
}
