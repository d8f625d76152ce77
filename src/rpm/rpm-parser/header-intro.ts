import { RpmParseError } from './rpm-parse-error.ts';
import type { HeaderKind } from './tag.ts';

/** Bytes before the index: 8 of magic, then the entry count and the data size as big-endian 32-bit numbers. */
export const INTRO_BYTES = 16;

/** Bytes of one index entry: tag, type, offset, count. Source: rpm, lib/header.cc, struct entryInfo_s. */
export const INDEX_ENTRY_BYTES = 16;

/** Source: rpm, lib/header.cc, rpm_header_magic: three bytes of magic, version 1, four reserved zeros. */
const MAGIC_HIGH = 0x8eade801;
const MAGIC_LOW = 0;

/** Source: rpm, lib/header.cc, hdrblobVerifyLengths: HEADER_TAGS_MAX, HEADER_DATA_MAX and those of a signature. */
const LIMITS: Readonly<Record<HeaderKind, { readonly entries: number; readonly dataBytes: number }>> = {
  signature: { entries: 32, dataBytes: 64 * 1024 * 1024 },
  main: { entries: 0xffff, dataBytes: 0x0fffffff },
};

/** Source: rpm, lib/header.cc, hdrblobInit: index and data together stay below headerMaxbytes. */
const MAX_BLOB_BYTES = 256 * 1024 * 1024;

/** Where the parts of one header lie, as byte offsets in the file. */
export interface HeaderIntro {
  readonly kind: HeaderKind;
  readonly start: number;
  readonly entryCount: number;
  readonly dataStart: number;
  readonly dataEnd: number;
}

/**
 * Reads the 16 bytes a header begins with and holds the two numbers in them against rpm's limits, so
 * that nothing is allocated or read on their word alone.
 *
 * @param bytes the file from its first byte up to at least `start + 16`
 * @param start where the header begins
 * @throws RpmParseError HEADER_INVALID for wrong magic or an empty index, LIMIT_EXCEEDED
 */
export function readHeaderIntro(bytes: Uint8Array, start: number, kind: HeaderKind): HeaderIntro {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, INTRO_BYTES);
  if (view.getUint32(0) !== MAGIC_HIGH || view.getUint32(4) !== MAGIC_LOW) {
    const found = Buffer.from(bytes.subarray(start, start + 8)).toString('hex');
    const expected = `expected the magic 8eade80100000000 of the ${kind} header`;
    throw new RpmParseError('HEADER_INVALID', `${expected}, found ${found}`, start);
  }
  const entryCount = view.getUint32(8);
  const dataBytes = view.getUint32(12);
  const limits = LIMITS[kind];
  if (entryCount === 0) {
    throw new RpmParseError('HEADER_INVALID', `expected tags in the ${kind} header, found none`, start + 8);
  }
  if (entryCount > limits.entries) {
    const expected = `expected at most ${limits.entries} tags in the ${kind} header`;
    throw new RpmParseError('LIMIT_EXCEEDED', `${expected}, found ${entryCount}`, start + 8);
  }
  const blobBytes = 8 + entryCount * INDEX_ENTRY_BYTES + dataBytes;
  if (dataBytes > limits.dataBytes || blobBytes >= MAX_BLOB_BYTES) {
    const expected = `expected at most ${limits.dataBytes} bytes of data in the ${kind} header`;
    throw new RpmParseError('LIMIT_EXCEEDED', `${expected}, found ${dataBytes}`, start + 12);
  }
  const dataStart = start + INTRO_BYTES + entryCount * INDEX_ENTRY_BYTES;
  return { kind, start, entryCount, dataStart, dataEnd: dataStart + dataBytes };
}
