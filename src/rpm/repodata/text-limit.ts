import { MAX_TEXT_BYTES } from './libxml2-limit.ts';

const TAG_START = '<'.charCodeAt(0);
const TAG_END = '>'.charCodeAt(0);
const REFERENCE_START = '&'.charCodeAt(0);
const REFERENCE_END = ';'.charCodeAt(0);
const NUMBER_START = '#'.charCodeAt(0);
// `&#x10ffff;` with zeros before it; what goes on for longer is no reference.
const MAX_REFERENCE_BYTES = 16;
// Far below the limit, and so much that the longest texts take a few hundred pieces.
const PIECE_BYTES = 64 * 1024;

/** What a reader refuses for its length: a text between two tags, or a tag. */
export type LongPart = 'text' | 'tag';

/**
 * Holds XML that arrives in pieces, each far shorter than the limit, against the longest text that clients read. Like libxml2
 * it counts a tag as it is written and a text as it is read, where a reference is what it stands for.
 */
export class TextLimit {
  #bytes = 0;
  #isInTag = false;
  /** What has come of a reference in a text; 0 outside of one. */
  #referenceBytes = 0;
  /** Of a reference by number, its digits so far. */
  #number = '';

  /** @returns what has become too long with this piece. */
  findLong(piece: Uint8Array): LongPart | undefined {
    const first = piece.indexOf(TAG_START);
    const long = this.#goOn(first === -1 ? piece : piece.subarray(0, first));
    if (first === -1 || long !== undefined) return long;
    this.#bytes = 0;
    this.#isInTag = true;
    this.#referenceBytes = 0;
    return this.#goOn(piece.subarray(piece.lastIndexOf(TAG_START)));
  }

  #goOn(bytes: Uint8Array): LongPart | undefined {
    const end = this.#isInTag ? bytes.indexOf(TAG_END) : -1;
    this.#bytes += this.#isInTag ? (end === -1 ? bytes.length : end) : this.#bytesRead(bytes);
    if (this.#bytes > MAX_TEXT_BYTES) return this.#isInTag ? 'tag' : 'text';
    if (end === -1) return undefined;
    this.#isInTag = false;
    this.#bytes = this.#bytesRead(bytes.subarray(end + 1));
    return undefined;
  }

  #bytesRead(bytes: Uint8Array): number {
    if (this.#referenceBytes === 0 && !bytes.includes(REFERENCE_START)) return bytes.length;
    let count = 0;
    for (const byte of bytes) {
      if (this.#referenceBytes > 0) count += this.#bytesReferred(byte);
      else if (byte !== REFERENCE_START) count += 1;
      else [this.#referenceBytes, this.#number] = [1, ''];
    }
    return count;
  }

  /** What the next byte of a reference adds: nothing before its end. */
  #bytesReferred(byte: number): number {
    const lengthBytes = this.#referenceBytes;
    this.#referenceBytes += 1;
    if (byte === REFERENCE_END) {
      this.#referenceBytes = 0;
      return this.#number === '' ? 1 : bytesOfCharacter(this.#number);
    }
    // The name of a character stands for one byte, whatever it is.
    if (this.#number !== '' || (lengthBytes === 1 && byte === NUMBER_START)) {
      this.#number += String.fromCharCode(byte);
    }
    if (lengthBytes < MAX_REFERENCE_BYTES) return 0;
    this.#referenceBytes = 0;
    return lengthBytes + 1;
  }
}

/** What of some XML, whole tags and texts, is too long for clients. */
export function findLongPart(xml: Uint8Array): LongPart | undefined {
  if (xml.length <= MAX_TEXT_BYTES) return undefined;
  const limit = new TextLimit();
  for (let start = 0; start < xml.length; start += PIECE_BYTES) {
    const long = limit.findLong(xml.subarray(start, start + PIECE_BYTES));
    if (long !== undefined) return long;
  }
  return undefined;
}

/** @param number as a reference writes it: `#38` or `#x26`. @returns bytes in UTF-8. */
function bytesOfCharacter(number: string): number {
  const code = /^#x/i.test(number)
    ? Number.parseInt(number.slice(2), 16)
    : Number.parseInt(number.slice(1), 10);
  if (Number.isNaN(code) || code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}
