import { decodeText } from './text.ts';

/**
 * libxml2 refuses an attribute, a text or a tag of more than 10,000,000 bytes, and with it the whole file: XML_MAX_TEXT_LENGTH and
 * XML_MAX_LOOKUP_LIMIT in its parserInternals.h. It counts a text between two tags as it is read, and a tag as it is written,
 * with its escapes. expat, which libsolv can be built with, has no such limit.
 */
export const MAX_TEXT_BYTES = 10_000_000;

/** Of the first attribute of a tag, escaped; with MAX_SHORT_ATTRIBUTE_BYTES for the others the tag keeps its limit. */
export const MAX_ATTRIBUTE_BYTES = 9_900_000;

/** Versions stand in one tag with the name. */
export const MAX_SHORT_ATTRIBUTE_BYTES = 90_000;

/** Of names and paths: the kernel takes 255 bytes of a file name and 4096 of a path. */
export const MAX_NAME_BYTES = 1024 * 1024;

/** U+FFFD takes three bytes, and may stand for one. */
const MAX_GROWTH_OF_TEXT = 3;

/** `&#xFFFD;` */
const MAX_GROWTH_OF_ATTRIBUTE = 8;

// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const REPLACED = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

/** Whether the text from `start` to `end` takes more than a reader takes between two tags. */
export function isTooLongForText(bytes: Buffer, start: number, end: number): boolean {
  const lengthBytes = end - start;
  if (lengthBytes * MAX_GROWTH_OF_TEXT <= MAX_TEXT_BYTES) return false;
  if (lengthBytes > MAX_TEXT_BYTES) return true;
  const text = decodeText(bytes, start, end).replace(REPLACED, '\ufffd');
  return Buffer.byteLength(text) > MAX_TEXT_BYTES;
}

/** The same of an attribute, where each character that is not ASCII is written as a reference. */
export function isTooLongForAttribute(bytes: Buffer, start: number, end: number, maxBytes: number): boolean {
  const lengthBytes = end - start;
  if (lengthBytes * MAX_GROWTH_OF_ATTRIBUTE <= maxBytes) return false;
  if (lengthBytes > maxBytes) return true;
  let writtenBytes = 0;
  for (const character of decodeText(bytes, start, end)) {
    writtenBytes += countWrittenBytes(character.codePointAt(0) ?? 0);
    if (writtenBytes > maxBytes) return true;
  }
  return false;
}

/** Source: libxml2, xmlsave.c, xmlBufAttrSerializeTxtContent. */
function countWrittenBytes(codePoint: number): number {
  if (codePoint >= 0x80) return '&#x;'.length + codePoint.toString(16).length;
  if (codePoint < 0x20) return MAX_GROWTH_OF_ATTRIBUTE;
  return ESCAPED_BYTES.get(codePoint) ?? 1;
}

const ESCAPED_BYTES: ReadonlyMap<number, number> = new Map(
  ['&amp;', '&lt;', '&gt;', '&quot;'].map((escape, index) => ['&<>"'.charCodeAt(index), escape.length]),
);
