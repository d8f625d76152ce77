import { type HeaderEntry, readEntry } from './header-entry.ts';
import { type HeaderIntro, readHeaderIntro } from './header-intro.ts';
import { verifyRegion } from './header-region.ts';
import { RpmParseError } from './rpm-parse-error.ts';
import type { HeaderKind } from './tag.ts';
import { valueBytes } from './tag-type.ts';

/** A header whose index has been checked as a whole. Offsets are those of the package file. */
export interface Header {
  readonly kind: HeaderKind;
  /** The package file from its first byte up to at least the end of this header. */
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly start: number;
  readonly hasRegion: boolean;
  /** By tag; of a tag that occurs more than once, the first. */
  readonly entries: ReadonlyMap<number, HeaderEntry>;
  /** All entries of the tags that occur more than once, in the order of the header. */
  readonly repeats: ReadonlyMap<number, readonly HeaderEntry[]>;
  /** Those of them whose values differ. */
  readonly ambiguousTags: ReadonlySet<number>;
}

/**
 * Reads and checks the index of a header in one pass, without touching the values.
 *
 * Source: rpm, lib/header.cc, hdrblobInit, hdrblobVerifyInfo, hdrblobImport.
 *
 * @param bytes the file from its first byte up to at least the end of this header
 * @throws RpmParseError HEADER_INVALID, LIMIT_EXCEEDED, TAG_INVALID
 */
export function parseHeader(bytes: Uint8Array, start: number, kind: HeaderKind): Header {
  const intro = readHeaderIntro(bytes, start, kind);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const trailer = verifyRegion(view, intro);
  const hasRegion = trailer !== undefined;
  const entries = new Map<number, HeaderEntry>();
  const repeated = new Map<number, HeaderEntry[]>();
  let previousEnd = intro.dataStart;
  let packedBytes = trailer ? trailer.end - trailer.start : 0;
  for (let index = hasRegion ? 1 : 0; index < intro.entryCount; index++) {
    const entry = readEntry({ bytes: buffer, view, intro, index, previousEnd, trailer });
    const first = entries.get(entry.tag);
    if (first === undefined) entries.set(entry.tag, entry);
    else findList(repeated, first).push(entry);
    previousEnd = entry.end;
    packedBytes = alignUp(packedBytes, valueBytes(entry.type)) + entry.end - entry.start;
  }
  checkPacked(intro, packedBytes);
  const differing = [...repeated].filter(([, same]) => !isEqual(buffer, same));
  const ambiguousTags = new Set(differing.map(([tag]) => tag));
  return { kind, bytes: buffer, view, start, hasRegion, entries, repeats: repeated, ambiguousTags };
}

function findList(repeated: Map<number, HeaderEntry[]>, first: HeaderEntry): HeaderEntry[] {
  const known = repeated.get(first.tag);
  if (known !== undefined) return known;
  const list = [first];
  repeated.set(first.tag, list);
  return list;
}

/** Whether all entries of one tag say the same. */
function isEqual(bytes: Buffer, [first, ...others]: readonly HeaderEntry[]): boolean {
  return others.every(
    ({ type, count, start, end }) =>
      type === first?.type &&
      count === first.count &&
      bytes.compare(bytes, start, end, first.start, first.end) === 0,
  );
}

function alignUp(offset: number, size: number): number {
  return size > 1 ? Math.ceil(offset / size) * size : offset;
}

/**
 * All values with their alignment must fill the data: there is no room for bytes that no tag names.
 *
 * Source: rpm, lib/header.cc, hdrblobImport, which compares the sum of regionSwab with the data's size.
 */
function checkPacked(intro: HeaderIntro, packedBytes: number): void {
  const dataBytes = intro.dataEnd - intro.dataStart;
  if (packedBytes === dataBytes) return;
  const expected = `expected values that fill the ${dataBytes} bytes of data of the ${intro.kind} header`;
  throw new RpmParseError('HEADER_INVALID', `${expected}, found ${packedBytes}`, intro.dataStart);
}
