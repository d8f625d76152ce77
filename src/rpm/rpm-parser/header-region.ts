import { INDEX_ENTRY_BYTES, INTRO_BYTES, type HeaderIntro } from './header-intro.ts';
import { RpmParseError } from './rpm-parse-error.ts';
import { type HeaderKind, SignatureTag, Tag, tagName } from './tag.ts';
import { TagType, typeName } from './tag-type.ts';

/** Bytes of the trailer that closes a region: an index entry of its own, among the data. */
const TRAILER_BYTES = INDEX_ENTRY_BYTES;

const REGION_TAGS: Readonly<Record<HeaderKind, number>> = {
  signature: SignatureTag.HEADERSIGNATURES,
  main: Tag.HEADERIMMUTABLE,
};

/** What some old signature headers have in their trailer instead of 62. Source: rpm, lib/header.cc, hdrblobVerifyRegion. */
const HEADERIMAGE = 61;

/** The bytes of a region trailer, as offsets in the file. No values may lie in them. */
export interface RegionTrailer {
  readonly start: number;
  readonly end: number;
}

/**
 * Checks the region, the first entry of every header since rpm 4. That of the main header must cover the
 * whole of it, because the digests would not cover what lies outside; a signature header may have grown.
 *
 * Source: rpm, lib/header.cc, hdrblobVerifyRegion; lib/rpmvs.cc, rpmpkgRead (exact_size for the main header).
 *
 * @param view the file from its first byte up to at least the end of this header
 * @returns undefined when there is no region (packages of format 3)
 * @throws RpmParseError HEADER_INVALID
 */
export function verifyRegion(view: DataView, intro: HeaderIntro): RegionTrailer | undefined {
  const regionTag = REGION_TAGS[intro.kind];
  const name = tagName(intro.kind, regionTag);
  const entryStart = intro.start + INTRO_BYTES;
  const entry = readEntry(view, entryStart);
  if (entry.tag !== regionTag) return undefined;
  if (entry.type !== TagType.BIN || entry.count !== TRAILER_BYTES) {
    const found = `${typeName(entry.type)} with ${entry.count}`;
    throw invalid(
      `expected region ${name} to be BIN with ${TRAILER_BYTES} bytes, found ${found}`,
      entryStart,
    );
  }
  const start = intro.dataStart + entry.offset;
  const end = start + TRAILER_BYTES;
  if (end > intro.dataEnd) {
    throw invalid(
      `expected the trailer of region ${name} by byte ${intro.dataEnd}, found it at ${start}`,
      entryStart,
    );
  }
  const trailer = readEntry(view, start);
  const isOldSignature = intro.kind === 'signature' && trailer.tag === HEADERIMAGE;
  const isTagRight = trailer.tag === regionTag || isOldSignature;
  if (!isTagRight || trailer.type !== TagType.BIN || trailer.count !== TRAILER_BYTES) {
    const found = `tag ${trailer.tag}, ${typeName(trailer.type)} with ${trailer.count}`;
    throw invalid(`expected the trailer of region ${name} to repeat its entry, found ${found}`, start);
  }
  verifyCoverage(view, intro, { start, end });
  return { start, end };
}

function verifyCoverage(view: DataView, intro: HeaderIntro, trailer: RegionTrailer): void {
  const name = tagName(intro.kind, REGION_TAGS[intro.kind]);
  const indexBytes = intro.entryCount * INDEX_ENTRY_BYTES;
  // The trailer counts the index backwards: a negative number of bytes.
  const coveredBytes = -view.getInt32(trailer.start + 8);
  if (coveredBytes % INDEX_ENTRY_BYTES !== 0 || coveredBytes < 0 || coveredBytes > indexBytes) {
    const expected = `expected region ${name} to cover whole entries of ${indexBytes} bytes of index`;
    throw invalid(`${expected}, found ${coveredBytes}`, trailer.start + 8);
  }
  const isExact = coveredBytes === indexBytes && trailer.end === intro.dataEnd;
  if (intro.kind === 'main' && !isExact) {
    const expected = `expected region ${name} to cover ${indexBytes} bytes of index and end at ${intro.dataEnd}`;
    throw invalid(`${expected}, found ${coveredBytes} and ${trailer.end}`, trailer.start);
  }
}

function readEntry(view: DataView, start: number) {
  return {
    tag: view.getUint32(start),
    type: view.getUint32(start + 4),
    offset: view.getUint32(start + 8),
    count: view.getUint32(start + 12),
  };
}

function invalid(message: string, offset: number): RpmParseError {
  return new RpmParseError('HEADER_INVALID', message, offset);
}
