import { describe, expect, it } from 'vitest';
import { findLongPart } from '../../../src/rpm/repodata/text-limit.ts';

const LIMIT_BYTES = 10_000_000;

const findLong = (xml: string): ReturnType<typeof findLongPart> => findLongPart(Buffer.from(xml));

describe('the longest text that clients read', () => {
  it.each([
    ['a text', `<a><b>${'x'.repeat(LIMIT_BYTES)}</b></a>`],
    ['a text of references, which count as what they stand for', `<a>${'&amp;'.repeat(LIMIT_BYTES)}</a>`],
    ['a tag', `<a b="${'x'.repeat(LIMIT_BYTES - 7)}">text</a>`],
    ['many short ones', `<a>${'<b c="d">text</b>'.repeat(1_000_000)}</a>`],
  ])('may be %s', (_, xml) => {
    expect(findLong(xml)).toBeUndefined();
  });

  it.each([
    ['text', 'a text', `<a><b>${'x'.repeat(LIMIT_BYTES + 1)}</b></a>`],
    [
      'text',
      'a text of references to characters of three bytes',
      `<a>${'&#xfffd;'.repeat(LIMIT_BYTES / 3 + 1)}</a>`,
    ],
    ['text', 'what begins as a reference and is none', `<a>&${'x'.repeat(LIMIT_BYTES)}</a>`],
    [
      'tag',
      'a tag, whose references count as they are written',
      `<a b="${'&quot;'.repeat(LIMIT_BYTES / 6)}">text</a>`,
    ],
  ])('may not be longer: a %s that is %s', (part, _, xml) => {
    expect(findLong(xml)).toBe(part);
  });
});
