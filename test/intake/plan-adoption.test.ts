import { describe, expect, it } from 'vitest';
import { planAdoption } from '../../src/intake/plan-adoption.ts';
import type { StoredTree } from '../../src/intake/read-stored.ts';
import type { SurveyedPackage } from '../../src/intake/survey.ts';
import { found, foundMetadata, surveyOf } from '../support/found-packages.ts';
import { repo } from '../support/repo.ts';

const EMPTY: StoredTree = { packages: new Map(), metadata: new Map() };

const plan = (packages: readonly SurveyedPackage[], stored: Partial<StoredTree> = {}) =>
  planAdoption(surveyOf({ packages }), { ...EMPTY, ...stored });

const pathsOf = ({ packages }: ReturnType<typeof plan>) =>
  packages.map(({ sources }) => sources.map(({ path }) => path));

describe('the plan of an adoption', () => {
  it('takes the same bytes at several places once', () => {
    const planned = plan([found('a/x.rpm', { sha256: 'same' }), found('b/x.rpm', { sha256: 'same' })]);
    expect(pathsOf(planned)).toEqual([['a/x.rpm', 'b/x.rpm']]);
    expect(planned.conflicts).toEqual([]);
  });

  it('takes of equal files one that can be linked, then one that lies where it goes', () => {
    const planned = plan([
      found('a/x.rpm', { sha256: 'same', isLinkable: false, laidIn: repo('9/x86_64') }),
      found('b/x.rpm', { sha256: 'same' }),
      found('c/x.rpm', { sha256: 'same', laidIn: repo('9/x86_64') }),
    ]);
    expect(pathsOf(planned)).toEqual([['c/x.rpm', 'b/x.rpm', 'a/x.rpm']]);
  });

  it('leaves the same bytes in each basearch that they lie in, and makes no other one for them', () => {
    const kept = { sha256: 'same', keptIn: 'x86_64', repositories: [repo('9/x86_64')] };
    const inBoth = { sha256: 'same', repositories: [repo('9/i386')] };
    const only = plan([found('9/x86_64/x.rpm', kept)]);
    expect(only.packages).toMatchObject([{ repositories: ['9/x86_64'], basearches: ['x86_64'] }]);
    const both = plan([found('9/x86_64/x.rpm', kept), found('9/i386/x.rpm', inBoth)]);
    expect(both.packages).toMatchObject([
      { repositories: ['9/x86_64', '9/i386'], basearches: ['x86_64', 'i386'] },
    ]);
    const plain = plan([found('9/i386/x.rpm', inBoth)]);
    expect(plain.packages).toMatchObject([{ repositories: ['9/i386'], basearches: undefined }]);
  });

  it('takes the same bytes for each releasever that a directory says', () => {
    const planned = plan([
      found('8/x86_64/x.rpm', { sha256: 'same', releasever: '8', repositories: [repo('8/x86_64')] }),
      found('9/x86_64/x.rpm', { sha256: 'same', releasever: '9', repositories: [repo('9/x86_64')] }),
    ]);
    expect(planned.packages).toMatchObject([{ releasever: '8' }, { releasever: '9' }]);
  });

  it('takes none of two files with other bytes for one path, and goes on with the rest', () => {
    const planned = plan([
      found('a/x.rpm', { sha256: 'one' }),
      found('b/x.rpm', { sha256: 'two' }),
      found('c/x.rpm', { sha256: 'two' }),
      found('a/y.rpm'),
    ]);
    expect(pathsOf(planned)).toEqual([['a/y.rpm']]);
    expect(planned.conflicts).toEqual([
      {
        repositories: ['9/x86_64'],
        location: 'Packages/x.rpm',
        storedSha256: null,
        claims: [
          { nevra: 'x', sha256: 'one', paths: ['a/x.rpm'] },
          { nevra: 'x', sha256: 'two', paths: ['b/x.rpm', 'c/x.rpm'] },
        ],
      },
    ]);
  });

  it('names a conflict of noarch packages once for all their repositories', () => {
    const repositories = [repo('9/x86_64'), repo('9/aarch64')];
    const planned = plan([
      found('a/x.rpm', { sha256: 'one', repositories }),
      found('b/x.rpm', { sha256: 'two', repositories }),
    ]);
    expect(planned.conflicts).toMatchObject([{ repositories }]);
  });

  it('takes a package nowhere that is in conflict in one of its repositories', () => {
    const planned = plan([found('a/x.rpm', { repositories: [repo('9/x86_64'), repo('9/aarch64')] })], {
      packages: new Map([['9/aarch64/Packages/x.rpm', ['other']]]),
    });
    expect(planned.packages).toEqual([]);
    expect(planned.conflicts).toMatchObject([{ repositories: ['9/aarch64'], storedSha256: 'other' }]);
  });

  it('leaves alone what the tree has, and takes what it lacks in one of the repositories', () => {
    const planned = plan(
      [
        found('a/x.rpm', { sha256: 'there' }),
        found('a/y.rpm', { sha256: 'half', repositories: [repo('9/x86_64'), repo('9/aarch64')] }),
      ],
      {
        packages: new Map([
          ['9/x86_64/Packages/x.rpm', ['there']],
          ['9/x86_64/Packages/y.rpm', ['half']],
        ]),
      },
    );
    expect(planned.packages).toMatchObject([{ missingIn: [] }, { missingIn: ['9/aarch64'] }]);
  });

  it('names only the other one when the tree has one of two already', () => {
    const planned = plan([found('a/x.rpm', { sha256: 'there' }), found('b/x.rpm', { sha256: 'other' })], {
      packages: new Map([['9/x86_64/Packages/x.rpm', ['there']]]),
    });
    expect(pathsOf(planned)).toEqual([['a/x.rpm']]);
    expect(planned.conflicts).toMatchObject([
      { storedSha256: 'there', claims: [{ sha256: 'other', paths: ['b/x.rpm'] }] },
    ]);
  });

  it('knows a package in the form that was signed here', () => {
    const planned = plan([found('a/x.rpm', { sha256: 'unsigned' })], {
      packages: new Map([['9/x86_64/Packages/x.rpm', ['signed', 'unsigned']]]),
    });
    expect(planned).toMatchObject({ packages: [{ missingIn: [] }], conflicts: [] });
  });

  it('names something in the tree that is no regular file', () => {
    const planned = plan([found('a/x.rpm')], { packages: new Map([['9/x86_64/Packages/x.rpm', []]]) });
    expect(planned.conflicts).toMatchObject([{ storedSha256: '' }]);
  });

  it('names packages that an answer to an upload would warn of', () => {
    const warnings = [{ code: 'TEXT_NOT_XML' as const, tag: 'SUMMARY', text: 'SUMMARY holds something' }];
    const { notes } = plan([found('a.rpm', { warnings }), found('b.rpm', { warnings }), found('c.rpm')]);
    expect(notes).toEqual([
      {
        noun: 'package',
        text: 'taken with a warning: TEXT_NOT_XML: SUMMARY holds something',
        paths: ['a.rpm', 'b.rpm'],
      },
    ]);
  });

  it.each<[string, Partial<SurveyedPackage>, RegExp]>([
    ['of another releasever', { laidIn: repo('8/x86_64') }, /8\/x86_64.*built for 9/],
    ['of another basearch', { laidIn: repo('9/ppc64le') }, /9\/ppc64le.*go to 9\/x86_64/],
    ['misplaced in the tree', { isInTree: true }, /another place than 9\/x86_64/],
    [
      'sent to another releasever',
      { isInTree: true, isInPlace: true, releasever: '9', taggedReleasever: '8', laidIn: repo('9/x86_64') },
      /built for 8; left there/,
    ],
  ])('notes packages that lie in a directory %s', (_, fields, text) => {
    expect(plan([found('a/x.rpm', fields), found('a/y.rpm', fields)]).notes).toEqual([
      { noun: 'package', text: expect.stringMatching(text), paths: ['a/x.rpm', 'a/y.rpm'] },
    ]);
  });

  it('notes nothing of packages that lie where they go', () => {
    expect(plan([found('9/x86_64/x.rpm', { laidIn: repo('9/x86_64') })]).notes).toEqual([]);
  });
});

describe('the plan for metadata', () => {
  const noarch = { isNoarch: true, repositories: [repo('9/x86_64'), repo('9/aarch64')] };

  function planFor(
    packages: readonly SurveyedPackage[],
    metadata: readonly ReturnType<typeof foundMetadata>[],
    stored: Partial<StoredTree> = {},
  ) {
    const indexed = metadata.map(({ directory }) => directory);
    const planned = planAdoption(surveyOf({ packages, metadata, indexed }), { ...EMPTY, ...stored });
    return {
      ...planned.metadata,
      planned: planned.metadata.planned.map(({ repository, type, isMissing }) => ({
        repository,
        type,
        isMissing,
      })),
    };
  }

  it('goes to every repository that the packages beside it go to', () => {
    const packages = [found('mixed/x.rpm'), found('mixed/y.rpm', { repositories: [repo('8/x86_64')] })];
    expect(planFor(packages, [foundMetadata('mixed/repodata/comps.xml')]).planned).toEqual([
      { repository: '8/x86_64', type: 'group', isMissing: true },
      { repository: '9/x86_64', type: 'group', isMissing: true },
    ]);
  });

  it('stays in the repository of its directory when noarch packages go to others too', () => {
    const packages = [
      found('9/x86_64/x.rpm', { ...noarch, laidIn: repo('9/x86_64'), sha256: 'same' }),
      found('9/aarch64/x.rpm', { ...noarch, laidIn: repo('9/aarch64'), sha256: 'same' }),
    ];
    const metadata = [foundMetadata('9/x86_64/repodata/a.xml'), foundMetadata('9/aarch64/repodata/b.xml')];
    const { planned, conflicts } = planFor(packages, metadata);
    expect(conflicts).toEqual([]);
    expect(planned.map(({ repository }) => repository)).toEqual(['9/x86_64', '9/aarch64']);
  });

  it('follows the packages of an architecture where a directory names no repository', () => {
    const packages = [found('mixed/x.rpm'), found('mixed/y.rpm', noarch)];
    const { planned } = planFor(packages, [foundMetadata('mixed/repodata/comps.xml')]);
    expect(planned.map(({ repository }) => repository)).toEqual(['9/x86_64']);
  });

  it('belongs to the packages of the nearest directory that is indexed', () => {
    const packages = [found('x.rpm', { repositories: [repo('8/x86_64')] }), found('inner/Packages/y.rpm')];
    const metadata = [
      foundMetadata('repodata/a.xml', { directory: '' }),
      foundMetadata('inner/repodata/b.xml'),
    ];
    const { planned } = planFor(packages, metadata);
    expect(planned.map(({ repository }) => repository)).toEqual(['8/x86_64', '9/x86_64']);
  });

  it('is not taken when two directories have different ones for a repository', () => {
    const packages = [found('a/x.rpm'), found('b/y.rpm')];
    const metadata = [
      foundMetadata('a/repodata/a.xml'),
      foundMetadata('b/repodata/b.xml'),
      foundMetadata('a/repodata/u.xml', { type: 'updateinfo', openSha256: 'same' }),
      foundMetadata('b/repodata/u.xml', { type: 'updateinfo', openSha256: 'same' }),
    ];
    expect(planFor(packages, metadata)).toMatchObject({
      planned: [{ repository: '9/x86_64', type: 'updateinfo' }],
      conflicts: [
        {
          repository: '9/x86_64',
          type: 'group',
          isStored: false,
          paths: ['a/repodata/a.xml', 'b/repodata/b.xml'],
        },
      ],
    });
  });

  it('never takes the place of what the repository publishes', () => {
    const packages = [found('a/x.rpm')];
    const metadata = [foundMetadata('a/repodata/a.xml', { openSha256: 'mine' })];
    const withStored = (content: string) =>
      planFor(packages, metadata, { metadata: new Map([['9/x86_64/group', content]]) });
    expect(withStored('mine')).toMatchObject({ planned: [{ isMissing: false }], conflicts: [] });
    expect(withStored('theirs')).toMatchObject({ planned: [], conflicts: [{ isStored: true }] });
  });

  it('is named when none of its packages goes anywhere', () => {
    expect(planFor([], [foundMetadata('a/repodata/a.xml')])).toMatchObject({
      planned: [],
      withoutRepository: ['a/repodata/a.xml'],
      tags: [],
    });
  });
});
