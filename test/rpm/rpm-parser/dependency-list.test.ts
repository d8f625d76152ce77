import { describe, expect, it } from 'vitest';
import { DEPENDENCY_TAGS } from '../../../src/rpm/rpm-parser/dependency-list.ts';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import type { DependencyKind } from '../../../src/rpm/rpm-parser/rpm-package.ts';
import { Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import {
  type CraftSpec,
  craftRpm,
  dropTags,
  int32Tag,
  replaceTags,
  SENSE,
  stringArrayTag,
  stringTag,
} from '../../support/craft-rpm.ts';

function parse(spec: CraftSpec) {
  const bytes = craftRpm(spec);
  return parseRpm(bytes, bytes.length).dependencies;
}

const KINDS = [
  'provides',
  'requires',
  'conflicts',
  'obsoletes',
  'recommends',
  'suggests',
  'supplements',
  'enhances',
  'oldSuggests',
  'oldEnhances',
] as const satisfies readonly DependencyKind[];

describe('the dependencies of a package', () => {
  it.each(KINDS)('of kind %s come with name, sense and version', (kind) => {
    const list = parse({
      dependencies: {
        [kind]: [{ name: 'glibc', flags: SENSE.GREATER_EQUAL, evr: '1:2.34-60.el9' }, { name: '/bin/sh' }],
      },
    })[kind];
    expect(list).toHaveLength(2);
    expect([...list]).toEqual([
      {
        name: 'glibc',
        flags: 12,
        evr: '1:2.34-60.el9',
        epoch: 1,
        version: '2.34',
        release: '60.el9',
        isPre: false,
      },
      { name: '/bin/sh', flags: 0, evr: '', epoch: undefined, version: '', release: undefined, isPre: false },
    ]);
  });

  it('are empty lists when there are none', () => {
    expect([...parse({}).requires]).toEqual([]);
  });

  it.each([
    ['PREREQ', 1 << 6, true],
    ['SCRIPT_PRE', 1 << 9, true],
    ['SCRIPT_POST', 1 << 10, true],
    ['SCRIPT_PREUN', 1 << 11, false],
    ['RPMLIB', 1 << 24, false],
  ])('with the sense bit %s are needed before the scriptlets: %s %s', (_, flags, isPre) => {
    expect([...parse({ dependencies: { requires: [{ name: 'a', flags }] } }).requires]).toMatchObject([
      { isPre },
    ]);
  });

  it.each(KINDS)('of kind %s end with the shortest of the three arrays, and are none without one', (kind) => {
    const dependencies = { [kind]: [{ name: 'a' }, { name: 'b' }] };
    const { version, flags } = DEPENDENCY_TAGS[kind];
    for (const shorter of [stringArrayTag(version, ['']), int32Tag(flags, [0])]) {
      expect([...parse({ dependencies, editHeader: replaceTags(shorter) })[kind]]).toMatchObject([
        { name: 'a' },
      ]);
    }
    for (const missing of [version, flags]) {
      expect(parse({ dependencies, editHeader: dropTags(missing) })[kind]).toHaveLength(0);
    }
  });

  it('may be a single STRING where rpm writes an array', () => {
    const editHeader = replaceTags(stringTag(Tag.PROVIDENAME, 'one'));
    expect([...parse({ editHeader }).provides]).toMatchObject([{ name: 'one' }]);
  });

  it('of a package without region include the package itself, as rpm adds it', () => {
    const self = { name: 'example', evr: '1.0-1.el9', flags: SENSE.EQUAL };
    const dependencies = { provides: [{ name: 'other' }] };
    expect([...parse({ hasRegion: false, dependencies }).provides]).toMatchObject([{ name: 'other' }, self]);
    expect([...parse({ hasRegion: false }).provides]).toMatchObject([self, self]);
    expect(parse({ hasRegion: false, dependencies }).provides).toHaveLength(2);
  });

  it('of a package without region may lack the versions of what it provides', () => {
    const dependencies = { provides: [{ name: 'a' }], requires: [{ name: 'b' }] };
    const editHeader = dropTags(Tag.PROVIDEVERSION, Tag.PROVIDEFLAGS, Tag.REQUIREVERSION, Tag.REQUIREFLAGS);
    const { provides, requires } = parse({ hasRegion: false, dependencies, editHeader });
    expect([...provides]).toMatchObject([
      { name: 'a', flags: 0, evr: '' },
      { name: 'example', flags: SENSE.EQUAL, evr: '1.0-1.el9' },
    ]);
    expect(requires).toHaveLength(0);
  });

  it('of a source package without region do not include the package itself', () => {
    const dependencies = { provides: [{ name: 'a' }] };
    const isSource = true;
    expect(parse({ hasRegion: false, isSource, dependencies }).provides).toHaveLength(1);
  });
});
