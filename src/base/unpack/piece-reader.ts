/** Reads from pieces of any size as if they were one run of bytes. */
export class PieceReader implements AsyncDisposable {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array();
  #position = 0;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** How many bytes were read. */
  get position(): number {
    return this.#position;
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const next = await this.#pieces.next();
      if (next.done === true) return true;
      this.#piece = next.value;
    }
    return false;
  }

  /** Exactly this many bytes, which are held in memory. @throws Error when fewer are left. */
  async take(length: number): Promise<Buffer> {
    const taken: Uint8Array[] = [];
    for await (const piece of this.pass(length)) taken.push(piece);
    return Buffer.concat(taken);
  }

  /** @throws Error when fewer bytes are left. */
  async skip(length: number): Promise<void> {
    const skipped = this.pass(length);
    while ((await skipped.next()).done !== true);
  }

  /** Exactly this many bytes, as they come. @throws Error when fewer are left. */
  async *pass(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      if (await this.isAtEnd()) throw new Error(`it ends at byte ${this.#position}, ${left} bytes too early`);
      const piece = this.#piece.subarray(0, left);
      this.#piece = this.#piece.subarray(piece.length);
      this.#position += piece.length;
      left -= piece.length;
      yield piece;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pieces.return?.();
  }
}
