import { describe, expect, it } from 'vitest';
import { TextLimit } from '../../../src/indexing/verify/text-limit.ts';

const PIECE_BYTES = 64 * 1024;
const LIMIT_BYTES = 10_000_000;

function check(xml: string): void {
  const limit = new TextLimit();
  const bytes = Buffer.from(xml);
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    limit.check(bytes.subarray(start, start + PIECE_BYTES));
  }
}

describe('the longest text that clients read', () => {
  it.each([
    ['a text', `<a><b>${'x'.repeat(LIMIT_BYTES)}</b></a>`],
    ['a text of references, which count as what they stand for', `<a>${'&amp;'.repeat(LIMIT_BYTES)}</a>`],
    ['a tag', `<a b="${'x'.repeat(LIMIT_BYTES - 7)}">text</a>`],
    ['many short ones', `<a>${'<b c="d">text</b>'.repeat(1_000_000)}</a>`],
  ])('may be %s', (_, xml) => {
    expect(() => check(xml)).not.toThrow();
  });

  it.each([
    ['a text', `<a><b>${'x'.repeat(LIMIT_BYTES + 1)}</b></a>`],
    [
      'a tag, whose references count as they are written',
      `<a b="${'&quot;'.repeat(LIMIT_BYTES / 6)}">text</a>`,
    ],
  ])('may not be longer: %s', (_, xml) => {
    expect(() => check(xml)).toThrow(/longer/);
  });
});
