// libxml2 refuses a longer attribute or text, and with it the whole file (XML_MAX_TEXT_LENGTH in parserInternals.h).
const MAX_TEXT_BYTES = 10_000_000;
const TAG_START = '<'.charCodeAt(0);

/** Holds XML that arrives in pieces, each far shorter than the limit, against the longest text that clients read. */
export class TextLimit {
  #bytesSinceTag = 0;

  /**
   * An attribute or text lies between one `<` and the next; a parser would hold it in memory until then.
   * @throws Error when it has become too long.
   */
  check(piece: Uint8Array): void {
    const first = piece.indexOf(TAG_START);
    this.#bytesSinceTag += first === -1 ? piece.length : first;
    if (this.#bytesSinceTag > MAX_TEXT_BYTES) {
      throw new Error(`a text or attribute is longer than ${MAX_TEXT_BYTES} bytes`);
    }
    if (first !== -1) this.#bytesSinceTag = piece.length - piece.lastIndexOf(TAG_START);
  }
}
