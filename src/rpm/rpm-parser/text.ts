/** How the bytes of a string were read, and what they hold that repodata or a path cannot carry. */
export interface TextFacts {
  /**
   * `ill-formed`: shaped like UTF-8, but overlong, a surrogate or above U+10FFFF.
   * `latin-1`: not even shaped like UTF-8.
   */
  readonly encoding: 'ascii' | 'utf-8' | 'ill-formed' | 'latin-1';
  /** A control character that XML 1.0 cannot hold: below 0x20, but not tab, newline or carriage return. */
  readonly hasControl: boolean;
  /** A tab, a newline or a carriage return. */
  readonly hasLineControl: boolean;
  /** U+FFFE or U+FFFF. */
  readonly hasNoncharacter: boolean;
}

const PLAIN: TextFacts = {
  encoding: 'ascii',
  hasControl: false,
  hasLineControl: false,
  hasNoncharacter: false,
};

/**
 * Decodes a string of a header: UTF-8 when the bytes have its shape (U+FFFD for what is ill-formed in it),
 * else Latin-1, which never fails.
 *
 * Source: createrepo_c, src/xml_dump.c, cr_latin1_to_utf8 and its callers: Latin-1 when xmlCheckUTF8 of
 * libxml2, a check of the shape only, refuses the bytes.
 */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  const { encoding } = inspectText(bytes, start, end);
  const isOneBytePerCharacter = encoding === 'ascii' || encoding === 'latin-1';
  return bytes.toString(isOneBytePerCharacter ? 'latin1' : 'utf8', start, end);
}

/** Looks at the bytes from `start` up to `end` once, without decoding them. */
export function inspectText(bytes: Uint8Array, start: number, end: number): TextFacts {
  let position = start;
  while (position < end && isPlainByte(bytes[position] ?? 0)) position++;
  return position === end ? PLAIN : inspectSpecial(bytes, position, end);
}

/** Printable ASCII and DEL, which XML 1.0 allows. */
export function isPlainByte(byte: number): boolean {
  return byte >= 0x20 && byte < 0x80;
}

function inspectSpecial(bytes: Uint8Array, start: number, end: number): TextFacts {
  let encoding: TextFacts['encoding'] = 'ascii';
  let hasControl = false;
  let hasLineControl = false;
  let hasNoncharacter = false;
  let position = start;
  while (position < end) {
    const byte = bytes[position] ?? 0;
    if (byte < 0x80 || encoding === 'latin-1') {
      if (byte === 0x09 || byte === 0x0a || byte === 0x0d) hasLineControl = true;
      else if (byte < 0x20) hasControl = true;
      position++;
      continue;
    }
    const length = sequenceBytes(bytes, position, end);
    if (length === 0) {
      encoding = 'latin-1';
      hasNoncharacter = false;
      continue;
    }
    const codePoint = readCodePoint(bytes, position, length);
    if (isIllFormed(codePoint, length)) encoding = 'ill-formed';
    else if (encoding === 'ascii') encoding = 'utf-8';
    if (codePoint === 0xfffe || codePoint === 0xffff) hasNoncharacter = true;
    position += length;
  }
  return { encoding, hasControl, hasLineControl, hasNoncharacter };
}

/** Bytes of the sequence at `position` by its shape, 0 when it has none. Source: libxml2, xmlstring.c, xmlCheckUTF8. */
function sequenceBytes(bytes: Uint8Array, position: number, end: number): number {
  const lead = bytes[position] ?? 0;
  const length = (lead & 0xe0) === 0xc0 ? 2 : (lead & 0xf0) === 0xe0 ? 3 : (lead & 0xf8) === 0xf0 ? 4 : 0;
  if (position + length > end) return 0;
  for (let offset = 1; offset < length; offset++) {
    if (((bytes[position + offset] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

function readCodePoint(bytes: Uint8Array, position: number, length: number): number {
  let codePoint = (bytes[position] ?? 0) & (0xff >> (length + 1));
  for (let offset = 1; offset < length; offset++) {
    codePoint = (codePoint << 6) | ((bytes[position + offset] ?? 0) & 0x3f);
  }
  return codePoint;
}

/** Source: RFC 3629, section 3: shortest form only, no surrogates, nothing above U+10FFFF. */
function isIllFormed(codePoint: number, length: number): boolean {
  const smallest = length === 2 ? 0x80 : length === 3 ? 0x800 : 0x10000;
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return codePoint < smallest || isSurrogate || codePoint > 0x10ffff;
}
