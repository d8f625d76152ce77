import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../src/rpm-parser/parse-rpm.ts';
import { Tag } from '../../src/rpm-parser/tag.ts';
import { type CraftSpec, craftRpm, dropTags, int32Tag, replaceTags } from '../support/craft-rpm.ts';

const CHANGELOGS = [
  { author: 'Ada <ada@example.com> - 1.0-2', timeSeconds: 1_700_000_000, text: '- second\n- line' },
  { author: 'Ada <ada@example.com> - 1.0-1', timeSeconds: 1_600_000_000, text: '- first' },
];

function parse(spec: CraftSpec) {
  const bytes = craftRpm(spec);
  return parseRpm(bytes, bytes.length).changelogs;
}

describe('the changelog of a package', () => {
  it('comes in the order of the header', () => {
    expect([...parse({ changelogs: CHANGELOGS })]).toEqual(CHANGELOGS);
    expect(parse({ changelogs: CHANGELOGS })).toHaveLength(2);
  });

  it('is empty when there is none', () => {
    expect([...parse({})]).toEqual([]);
  });

  it('must have an author and a text for each time', () => {
    expect(() => parse({ changelogs: CHANGELOGS, editHeader: dropTags(Tag.CHANGELOGTEXT) })).toThrow(
      expect.objectContaining({ code: 'TAG_MISSING' }),
    );
    const editHeader = replaceTags(int32Tag(Tag.CHANGELOGTIME, [1]));
    expect(() => parse({ changelogs: CHANGELOGS, editHeader })).toThrow(
      expect.objectContaining({ code: 'COUNT_MISMATCH' }),
    );
  });
});
