import { INDEX_ENTRY_BYTES, INTRO_BYTES, type HeaderIntro } from './header-intro.ts';
import type { RegionTrailer } from './header-region.ts';
import { RpmParseError } from './rpm-parse-error.ts';
import { isStandardType } from './standard-type.ts';
import { tagName } from './tag.ts';
import { isTagType, TagType, typeName, valueBytes } from './tag-type.ts';

/** Source: rpm, lib/header.cc, hdrchkTag: smaller numbers are for regions; up to rpm 4.18 they are signed. */
const FIRST_TAG = 100;
const LAST_TAG = 0x7fffffff;

/** Source: rpm, lib/header.cc, HEADER_ARRAY_MAX: values of one tag, other than the bytes of a BIN. */
const MAX_VALUES = 0xfffff;

/** One checked index entry: `count` values of `type` in the bytes from `start` up to `end`, NULs included. */
export interface HeaderEntry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly start: number;
  readonly end: number;
}

/** An entry to read, and what lies around it. */
export interface EntryPlace {
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly intro: HeaderIntro;
  readonly index: number;
  /** Where the values of the entry before this one end. */
  readonly previousEnd: number;
  readonly trailer: RegionTrailer | undefined;
}

/**
 * Reads one index entry and checks where its values lie, without touching them.
 *
 * Source: rpm, lib/header.cc, hdrblobVerifyInfo.
 *
 * @throws RpmParseError HEADER_INVALID, LIMIT_EXCEEDED, TAG_INVALID
 */
export function readEntry(place: EntryPlace): HeaderEntry {
  const { view, intro, trailer } = place;
  const entryStart = intro.start + INTRO_BYTES + place.index * INDEX_ENTRY_BYTES;
  const tag = view.getUint32(entryStart);
  const type = view.getUint32(entryStart + 4);
  const start = intro.dataStart + view.getUint32(entryStart + 8);
  const count = view.getUint32(entryStart + 12);
  if (tag < FIRST_TAG || tag > LAST_TAG) {
    throw invalid(place, `expected a tag from ${FIRST_TAG} to ${LAST_TAG}, found ${tag}`, 0);
  }
  if (!isTagType(type)) throw invalid(place, `expected a type from 1 to 9, found ${type}`, 4);
  if (start < place.previousEnd || start >= intro.dataEnd) {
    const expected = `expected its values between byte ${place.previousEnd} and ${intro.dataEnd}`;
    throw invalid(place, `${expected}, found them at ${start}`, 8);
  }
  const size = valueBytes(type);
  if (size > 1 && (start - intro.dataStart) % size !== 0) {
    throw invalid(place, `expected ${typeName(type)} aligned to ${size} bytes, found it at ${start}`, 8);
  }
  if (count === 0 || (type === TagType.STRING && count !== 1)) {
    throw invalid(place, `expected ${typeName(type)} to have a value, found a count of ${count}`, 12);
  }
  if (intro.kind === 'main' && trailer && !isStandardType(tag, type)) {
    throw new RpmParseError(
      'TAG_INVALID',
      `${tagName('main', tag)}: found ${typeName(type)}`,
      entryStart + 4,
    );
  }
  if (count > MAX_VALUES && type !== TagType.BIN) {
    const name = tagName(intro.kind, tag);
    const expected = `expected at most ${MAX_VALUES} values in ${name}`;
    throw new RpmParseError('LIMIT_EXCEEDED', `${expected}, found ${count}`, entryStart + 12);
  }
  const end = size > 0 ? start + size * count : endOfStrings({ ...place, start, count });
  if (end > intro.dataEnd) {
    throw invalid(place, `expected its ${count} values to end by byte ${intro.dataEnd}, found more`, 12);
  }
  if (trailer && start < trailer.end && end > trailer.start) {
    throw invalid(
      place,
      `expected its values outside the region trailer at ${trailer.start}, found them in it`,
      8,
    );
  }
  return { tag, type, count, start, end };
}

/** The end of `count` NUL-terminated strings; beyond the data when there are not that many. */
function endOfStrings(strings: EntryPlace & { readonly start: number; readonly count: number }): number {
  const { bytes, start } = strings;
  const { dataEnd } = strings.intro;
  let left = strings.count;
  for (let position = start; position < dataEnd; position++) {
    if (bytes[position] === 0 && --left === 0) return position + 1;
  }
  return dataEnd + 1;
}

function invalid(place: EntryPlace, message: string, fieldOffset: number): RpmParseError {
  const { view, intro, index } = place;
  const entryStart = intro.start + INTRO_BYTES + index * INDEX_ENTRY_BYTES;
  const name = tagName(intro.kind, view.getUint32(entryStart));
  const where = `entry ${index} (${name}) of the ${intro.kind} header`;
  return new RpmParseError('HEADER_INVALID', `${where}: ${message}`, entryStart + fieldOffset);
}
