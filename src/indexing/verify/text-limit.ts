import { MAX_TEXT_BYTES } from '../../rpm/repodata/libxml2-limit.ts';

const TAG_START = '<'.charCodeAt(0);
const TAG_END = '>'.charCodeAt(0);
const REFERENCE_START = '&'.charCodeAt(0);
const REFERENCE_END = ';'.charCodeAt(0);

/**
 * Holds XML that arrives in pieces, each far shorter than the limit, against the longest text that clients read. Like them it
 * counts a tag as it is written and a text as it is read, where a reference is one character.
 */
export class TextLimit {
  #bytes = 0;
  #isInTag = false;
  #isInReference = false;

  /** @throws Error when a tag or a text has become too long. */
  check(piece: Uint8Array): void {
    const first = piece.indexOf(TAG_START);
    this.#goOn(first === -1 ? piece : piece.subarray(0, first));
    if (first === -1) return;
    this.#bytes = 0;
    this.#isInTag = true;
    this.#isInReference = false;
    this.#goOn(piece.subarray(piece.lastIndexOf(TAG_START)));
  }

  #goOn(bytes: Uint8Array): void {
    const end = this.#isInTag ? bytes.indexOf(TAG_END) : -1;
    this.#bytes += this.#isInTag ? (end === -1 ? bytes.length : end) : this.#bytesRead(bytes);
    if (this.#bytes > MAX_TEXT_BYTES) {
      throw new Error(`a text or attribute is longer than ${MAX_TEXT_BYTES} bytes`);
    }
    if (end === -1) return;
    this.#isInTag = false;
    this.#bytes = this.#bytesRead(bytes.subarray(end + 1));
  }

  /** Without the references, but for one byte of each. */
  #bytesRead(bytes: Uint8Array): number {
    if (!this.#isInReference && !bytes.includes(REFERENCE_START)) return bytes.length;
    let count = 0;
    for (const byte of bytes) {
      if (!this.#isInReference) count += 1;
      if (byte === REFERENCE_START) this.#isInReference = true;
      else if (byte === REFERENCE_END) this.#isInReference = false;
    }
    return count;
  }
}
