/**
 * Types of the data behind a tag.
 *
 * Source: rpm, include/rpm/rpmtag.h, enum rpmTagType_e; 0 (NULL) is never valid in a file.
 */
export const TagType = {
  CHAR: 1,
  INT8: 2,
  INT16: 3,
  INT32: 4,
  INT64: 5,
  STRING: 6,
  BIN: 7,
  STRING_ARRAY: 8,
  I18NSTRING: 9,
} as const satisfies Readonly<Record<string, number>>;

/** The types of text. An array of texts may have each of them: one text is sometimes stored as a STRING. */
export const STRING_TYPES: readonly number[] = [TagType.STRING, TagType.STRING_ARRAY, TagType.I18NSTRING];

const FIRST_TYPE = TagType.CHAR;
const LAST_TYPE = TagType.I18NSTRING;

/** Bytes of one value by type; 0 for the types whose values end at a NUL. Source: rpm, lib/header.cc, typeSizes. */
const VALUE_BYTES: readonly number[] = [0, 1, 1, 2, 4, 8, 0, 1, 0, 0];

const NAMES = new Map<number, string>(Object.entries(TagType).map(([name, number]) => [number, name]));

export function isTagType(type: number): boolean {
  return type >= FIRST_TYPE && type <= LAST_TYPE;
}

/** Bytes of one value, or 0 when the values are NUL-terminated strings. `type` must be a valid type. */
export function valueBytes(type: number): number {
  return VALUE_BYTES[type] ?? 0;
}

/** rpm's name of a type, or `type 42` for a number that is none. */
export function typeName(type: number): string {
  return NAMES.get(type) ?? `type ${type}`;
}
