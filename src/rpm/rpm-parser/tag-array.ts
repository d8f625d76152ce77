import type { Header } from './header.ts';
import type { HeaderEntry } from './header-entry.ts';
import { RpmParseError } from './rpm-parse-error.ts';
import { tagName } from './tag.ts';
import { TagType } from './tag-type.ts';
import { findEntry, missingTag, readNumberAt } from './tag-value.ts';
import { decodeText } from './text.ts';

/** The values of a numeric tag, read from the header's bytes on demand. */
export interface NumberArray {
  readonly length: number;
  /** `index` must be below `length`. */
  at(index: number): number;
}

/** Types an array of numbers may have; without a region rpm compares none with its table. Source: rpm, lib/rpmtd.cc, rpmtdGetNumber. */
export const NUMBER_TYPES: readonly number[] = [
  TagType.INT32,
  TagType.INT16,
  TagType.INT64,
  TagType.INT8,
  TagType.CHAR,
];

/** How many values rpm hands out: of an I18NSTRING, which is one text in several languages, one. Source: rpm, lib/header.cc, copyI18NEntry. */
export function valueCount({ type, count }: HeaderEntry): number {
  return type === TagType.I18NSTRING ? 1 : count;
}

// Up to here all strings of a tag are decoded with one call, which takes a fraction of the time of one for each.
const TOGETHER_BYTES = 64 * 1024;
// oxlint-disable-next-line no-control-regex -- NUL ends each string
const ASCII = /^[\u0000-\u007f]*$/;

/** The strings of a tag one after the other; those of a large tag are decoded when they are reached. */
export function* readStrings(header: Header, entry: HeaderEntry): Generator<string, undefined> {
  if (entry.type === TagType.I18NSTRING) {
    yield decodeText(header.bytes, entry.start, header.bytes.indexOf(0, entry.start));
    return;
  }
  if (entry.end - entry.start <= TOGETHER_BYTES) {
    const text = header.bytes.toString('latin1', entry.start, entry.end - 1);
    if (ASCII.test(text)) {
      yield* text.split('\0');
      return;
    }
  }
  let start = entry.start;
  for (let index = 0; index < entry.count; index++) {
    const end = header.bytes.indexOf(0, start);
    yield decodeText(header.bytes, start, end);
    start = end + 1;
  }
}

/** Where each string of a tag begins, and as last item where the string after them would. */
export function stringOffsets(header: Header, entry: HeaderEntry): Uint32Array {
  const offsets = new Uint32Array(entry.count + 1);
  let start = entry.start;
  for (let index = 0; index < entry.count; index++) {
    offsets[index] = start;
    start = header.bytes.indexOf(0, start) + 1;
  }
  offsets[entry.count] = start;
  return offsets;
}

/** The values of a numeric entry, unsigned. */
export function readNumbers(header: Header, entry: HeaderEntry): NumberArray {
  const { view } = header;
  const { start, count: length } = entry;
  if (entry.type === TagType.INT32) return { length, at: (index) => view.getUint32(start + 4 * index) };
  return { length, at: (index) => readNumberAt(header, entry, index) };
}

/**
 * The entry of a tag that must be there because another one is, with as many values as that one.
 *
 * @throws RpmParseError TAG_MISSING, TAG_INVALID, COUNT_MISMATCH
 */
export function requireParallel(
  header: Header,
  leader: HeaderEntry,
  tag: number,
  types: readonly number[],
): HeaderEntry {
  const entry = findEntry(header, tag, types);
  if (entry === undefined) throw missingTag(header, tag);
  if (entry.count === leader.count) return entry;
  const expected = `expected ${leader.count} values in ${tagName(header.kind, tag)}`;
  const asIn = `as in ${tagName(header.kind, leader.tag)}`;
  throw new RpmParseError('COUNT_MISMATCH', `${expected}, ${asIn}, found ${entry.count}`, entry.start);
}
