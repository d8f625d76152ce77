import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { findWrongPayloadDigest } from '../../../src/rpm/rpm-parser/payload-digests.ts';
import { Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import { type CraftTag, craftRpm, replaceTags, stringArrayTag, stringTag } from '../../support/craft-rpm.ts';

const PAYLOAD = Buffer.from('payload');
const RIGHT = createHash('sha256').update(PAYLOAD).digest('hex');
const WRONG = 'ab'.repeat(32);

/** The tag of the digest that rpm calls BAD. */
function wrongTagOf(...tags: readonly CraftTag[]): string | undefined {
  const bytes = craftRpm({ payload: PAYLOAD, editHeader: replaceTags(...tags) });
  const { digests } = parseRpm(bytes, bytes.length);
  return findWrongPayloadDigest(digests.payload, new Map([['sha256', RIGHT]]))?.tag;
}

const main = (...values: readonly string[]) => stringArrayTag(Tag.PAYLOADSHA256, values);
const alternative = (...values: readonly string[]) => stringArrayTag(Tag.PAYLOADSHA256ALT, values);

describe('the digests of a payload', () => {
  it.each([
    ['one that is right', [main(RIGHT)]],
    ['one that is right, in capitals', [main(RIGHT.toUpperCase())]],
    ['a wrong one beside a right one', [main(WRONG, RIGHT)]],
    ['an alternative that is right', [main(WRONG), alternative(RIGHT)]],
    ['an alternative of the payload when unpacked', [main(RIGHT), alternative(WRONG)]],
    [
      'one of the wrong type beside an alternative',
      [stringTag(Tag.PAYLOADSHA256, RIGHT), alternative(RIGHT)],
    ],
  ])('are right for rpm: %s', (_, tags) => {
    expect(wrongTagOf(...tags)).toBeUndefined();
  });

  it.each([
    ['one that is wrong', [main(WRONG)], 'PAYLOADSHA256'],
    ['two that are wrong', [main(WRONG, WRONG)], 'PAYLOADSHA256'],
    ['an alternative that is wrong too', [main(WRONG), alternative(WRONG)], 'PAYLOADSHA256ALT'],
    ['two that are wrong and one that is right', [main(RIGHT, WRONG, WRONG)], 'PAYLOADSHA256'],
    ['one of the type STRING', [stringTag(Tag.PAYLOADSHA256, RIGHT)], 'PAYLOADSHA256'],
    ['one that is no hex', [main('x'.repeat(64))], 'PAYLOADSHA256'],
    ['one that is too short', [main(RIGHT.slice(0, 32))], 'PAYLOADSHA256'],
    ['one of an odd length', [main(`${RIGHT}a`)], 'PAYLOADSHA256'],
  ])('are BAD for rpm: %s', (_, tags, tag) => {
    expect(wrongTagOf(...tags)).toBe(tag);
  });
});
