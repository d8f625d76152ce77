import { describe, expect, it } from 'vitest';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import {
  type CraftSpec,
  craftRpm,
  dropTags,
  int32Tag,
  replaceTags,
  stringArrayTag,
} from '../../support/craft-rpm.ts';

const CHANGELOGS = [
  { author: 'Ada <ada@example.com> - 1.0-2', timeSeconds: 1_700_000_000, text: '- second\n- line' },
  { author: 'Ada <ada@example.com> - 1.0-1', timeSeconds: 1_600_000_000, text: '- first' },
] as const;

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

  it('ends with the shortest of its arrays, and is none without one of them', () => {
    expect(parse({ changelogs: CHANGELOGS, editHeader: dropTags(Tag.CHANGELOGTEXT) })).toHaveLength(0);
    for (const shorter of [
      int32Tag(Tag.CHANGELOGTIME, [1_700_000_000]),
      stringArrayTag(Tag.CHANGELOGNAME, [CHANGELOGS[0].author]),
      stringArrayTag(Tag.CHANGELOGTEXT, [CHANGELOGS[0].text]),
    ]) {
      const read = parse({ changelogs: CHANGELOGS, editHeader: replaceTags(shorter) });
      expect([...read]).toEqual([CHANGELOGS[0]]);
      expect(read).toHaveLength(1);
    }
  });
});
