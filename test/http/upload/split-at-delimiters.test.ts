import { describe, expect, it } from 'vitest';
import { splitAtDelimiters } from '../../../src/http/upload/split-at-delimiters.ts';

const BOUNDARY = 'X-y';
const DELIMITER = '\r\n--X-y';
/** What looks like the beginning of a delimiter, and one at the very first byte. */
const FORM = `--X-y\r\n\r\n\r\r\n-\r\n--X\r\n--X-y\r\n\r\n\r\n--x-y${DELIMITER}${DELIMITER}--\r\n--X-`;
const DELIMITERS = 4;

async function* chunks(...texts: readonly string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function split(body: AsyncIterable<Buffer>, maxDelimiters = 1000): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of splitAtDelimiters(body, BOUNDARY, maxDelimiters)) pieces.push(piece.toString());
  return pieces;
}

describe('a body that is split at its delimiters', () => {
  it('ends a piece where a delimiter ends, wherever the body is cut into two chunks', async () => {
    for (let at = 0; at <= FORM.length; at += 1) {
      const pieces = await split(chunks(FORM.slice(0, at), FORM.slice(at)));
      expect(pieces.join('')).toBe(`\r\n${FORM}`);
      expect(pieces.filter((piece) => piece.endsWith(DELIMITER))).toHaveLength(DELIMITERS);
      expect(pieces.filter((piece) => piece.slice(0, -1).includes(DELIMITER))).toEqual([]);
    }
  });

  it('ends a piece where a delimiter ends when it comes byte for byte', async () => {
    const pieces = await split(chunks(...FORM.split('')));
    expect(pieces.join('')).toBe(`\r\n${FORM}`);
    const ends = pieces.map((_, index) => pieces.slice(0, index + 1).join(''));
    expect(ends.filter((text) => text.endsWith(DELIMITER))).toHaveLength(DELIMITERS);
  });

  it('is refused with one delimiter more than it may have, wherever the last one is cut', async () => {
    for (let at = 0; at < FORM.length; at += 1) {
      const halves = [FORM.slice(0, at), FORM.slice(at)];
      await expect(split(chunks(...halves), DELIMITERS)).resolves.toBeDefined();
      await expect(split(chunks(...halves), DELIMITERS - 1)).rejects.toThrow('delimiters');
    }
  });

  it('is not read further once it has too many', async () => {
    let isReadOn = false;
    async function* body(): AsyncGenerator<Buffer> {
      yield Buffer.from(DELIMITER.repeat(3));
      isReadOn = true;
    }
    await expect(split(body(), 2)).rejects.toThrow('delimiters');
    expect(isReadOn).toBe(false);
  });

  it('gives other work a turn after each delimiter', async () => {
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    await split(chunks(DELIMITER.repeat(100)));
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(99);
  });

  it('has no pieces when it is empty', async () => {
    expect(await split(chunks())).toEqual([]);
  });
});
