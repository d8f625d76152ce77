import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { RpmParseError, type RpmParseErrorCode } from './rpm-parse-error.ts';
import { tagName } from './tag.ts';
import { STRING_TYPES, TagType, typeName, valueBytes } from './tag-type.ts';
import { MAX_TEXT_BYTES } from './text-length.ts';
import { decodeText } from './text.ts';

/** Longest name, or word that tells what a package is. */
const MAX_WORD_BYTES = 1024 * 1024;

/** rpm does not tell them apart where it wants one text. */
const ANY_TYPES: readonly number[] = Object.values(TagType);

/**
 * The entry of a tag, or undefined when the header has none.
 *
 * @throws RpmParseError TAG_INVALID when the tag occurs twice with values that differ: two versions of rpm
 *   need not agree on which of the two counts, nor when its type is not one of `types`
 */
export function findEntry(header: Header, tag: number, types: readonly number[]): HeaderEntry | undefined {
  const entry = header.entries.get(tag);
  if (entry === undefined) return undefined;
  if (header.ambiguousTags.has(tag))
    throw invalidTag(header, entry, 'expected it once, found it more than once');
  if (!types.includes(entry.type)) {
    const expected = types.map(typeName).join(' or ');
    throw invalidTag(header, entry, `expected ${expected}, found ${typeName(entry.type)}`);
  }
  return entry;
}

/** Whether the header has the tag, whatever its type. */
export function hasTag(header: Header, tag: number): boolean {
  return header.entries.has(tag);
}

/** The text of a STRING that a package must have, once. @throws RpmParseError TAG_MISSING, TAG_INVALID, LIMIT_EXCEEDED */
export function requireString(header: Header, tag: number): string {
  const entry = findEntry(header, tag, STRING_TYPES);
  if (entry === undefined) throw missingTag(header, tag);
  expectCount(header, entry, 1);
  return decodeFirst(header, entry, { maxBytes: MAX_WORD_BYTES, code: 'LIMIT_EXCEEDED' });
}

/**
 * Text as rpm hands it out: a STRING, of an I18NSTRING the first one, which is that of the C locale, and of a STRING_ARRAY the
 * only one; undefined for several and for what is no text. Of a tag that is there more than once it is the one that rpm finds.
 *
 * Source: rpm, lib/headerutil.cc, headerGetString; lib/header.cc, headerAddI18NString: the C locale is always the first in
 * HEADERI18NTABLE.
 *
 * @throws RpmParseError TEXT_TOO_LONG
 */
export function readText(header: Header, tag: number): string | undefined {
  const entry = header.entries.get(tag);
  if (entry === undefined || !STRING_TYPES.includes(entry.type)) return undefined;
  if (entry.type === TagType.STRING_ARRAY && entry.count !== 1) return undefined;
  return decodeFirst(header, entry, { maxBytes: MAX_TEXT_BYTES, code: 'TEXT_TOO_LONG' });
}

/** The first string of an entry. */
function decodeFirst(
  header: Header,
  { tag, start }: HeaderEntry,
  { maxBytes, code }: { readonly maxBytes: number; readonly code: RpmParseErrorCode },
): string {
  const end = header.bytes.indexOf(0, start);
  if (end - start <= maxBytes) return decodeText(header.bytes, start, end);
  const expected = `expected at most ${maxBytes} bytes of text in ${tagName(header.kind, tag)}`;
  throw new RpmParseError(code, `${expected}, found ${end - start}`, start);
}

/**
 * The number of a tag, unsigned: the first of its values, which may have any width, and 0 for what is no number.
 *
 * Source: rpm, lib/rpmtd.cc, rpmtdGetNumber.
 *
 * @throws RpmParseError TAG_INVALID when the tag occurs twice, or above 2^53 - 1
 */
export function readNumber(header: Header, tag: number): number | undefined {
  const entry = findEntry(header, tag, ANY_TYPES);
  if (entry === undefined) return undefined;
  return isNumeric(entry) ? readNumberAt(header, entry, 0) : 0;
}

/**
 * As `readNumber`, but 0 for several values.
 *
 * Source: rpm, lib/headerutil.cc, headerGetNumber.
 *
 * @throws RpmParseError as readNumber
 */
export function readOnlyNumber(header: Header, tag: number): number | undefined {
  const value = readNumber(header, tag);
  return value === undefined || header.entries.get(tag)?.count === 1 ? value : 0;
}

function isNumeric({ type }: HeaderEntry): boolean {
  return valueBytes(type) > 0 && type !== TagType.BIN;
}

/** One value of a numeric entry, unsigned. @throws RpmParseError TAG_INVALID above 2^53 - 1 */
export function readNumberAt(header: Header, entry: HeaderEntry, index: number): number {
  const { view } = header;
  const { start } = entry;
  switch (entry.type) {
    case TagType.INT64:
      return readSafeInt64(header, entry, index);
    case TagType.INT32:
      return view.getUint32(start + 4 * index);
    case TagType.INT16:
      return view.getUint16(start + 2 * index);
    default:
      return view.getUint8(start + index);
  }
}

/** The first value of an INT64, unsigned. @throws RpmParseError TAG_INVALID, also above 2^53 - 1 */
export function readInt64(header: Header, tag: number): number | undefined {
  const entry = findEntry(header, tag, [TagType.INT64]);
  return entry && readSafeInt64(header, entry, 0);
}

/** One value of an INT64 entry as a number. */
function readSafeInt64(header: Header, entry: HeaderEntry, index: number): number {
  const high = header.view.getUint32(entry.start + 8 * index);
  const low = header.view.getUint32(entry.start + 8 * index + 4);
  const value = high * 2 ** 32 + low;
  if (value > Number.MAX_SAFE_INTEGER) {
    throw invalidTag(header, entry, `expected at most ${Number.MAX_SAFE_INTEGER}, found ${value}`);
  }
  return value;
}

/** The bytes of a BIN of a known length, in hex. @throws RpmParseError TAG_INVALID */
export function readHex(header: Header, tag: number, lengthBytes: number): string | undefined {
  const entry = findEntry(header, tag, [TagType.BIN]);
  if (entry === undefined) return undefined;
  expectCount(header, entry, lengthBytes);
  return header.bytes.toString('hex', entry.start, entry.end);
}

/** @throws RpmParseError TAG_INVALID */
export function expectCount(header: Header, entry: HeaderEntry, count: number): void {
  if (entry.count === count) return;
  throw invalidTag(header, entry, `expected ${count} value(s), found ${entry.count}`);
}

/** A TAG_INVALID that names the tag and where its values lie. */
export function invalidTag(header: Header, entry: HeaderEntry, message: string): RpmParseError {
  return new RpmParseError('TAG_INVALID', `${tagName(header.kind, entry.tag)}: ${message}`, entry.start);
}

/** A TAG_MISSING that names the tag. */
export function missingTag(header: Header, tag: number): RpmParseError {
  const expected = `expected the tag ${tagName(header.kind, tag)} in the ${header.kind} header`;
  return new RpmParseError('TAG_MISSING', `${expected}, found none`, header.start);
}
