import { describe, expect, it } from 'vitest';
import { checkGroup } from '../../../src/rpm/repodata/check-group.ts';

const PKGID = 'ab'.repeat(32);
const OTHER_PKGID = 'cd'.repeat(32);

const primary = (inner = '', location = '<location href="Packages/a.rpm"/>', pkgid = PKGID): string =>
  `<package type="rpm">\n  <checksum type="sha256" pkgid="YES">${pkgid}</checksum>\n  ${location}${inner}\n</package>\n`;

const filelists = (inner = '', pkgid = PKGID): string => `<package pkgid="${pkgid}">${inner}</package>\n`;

describe('a group of packages', () => {
  it('is known by the digests and locations in primary', () => {
    const group = primary() + primary('', '<location href="a &amp; &#xFC;.rpm"/>', OTHER_PKGID);
    expect(checkGroup('primary', group)).toEqual([
      { pkgid: PKGID, location: 'Packages/a.rpm', expressions: [] },
      { pkgid: OTHER_PKGID, location: 'a & ü.rpm', expressions: [] },
    ]);
  });

  it.each(['filelists', 'other'] as const)('is known by the digests in %s', (type) => {
    expect(checkGroup(type, filelists() + filelists('', OTHER_PKGID))).toEqual([
      { pkgid: PKGID, location: undefined, expressions: [] },
      { pkgid: OTHER_PKGID, location: undefined, expressions: [] },
    ]);
  });

  it('gives the boolean dependencies of each package, however they are written', () => {
    const entries = `<format><e:requires xmlns:e="urn:x"><e:entry name="a"/><e:entry name='&#40;b if c)'/></e:requires></format>`;
    expect(checkGroup('primary', primary(entries) + primary())).toMatchObject([
      { expressions: ['(b if c)'] },
      { expressions: [] },
    ]);
  });

  it('may be empty', () => {
    expect(checkGroup('other', '')).toEqual([]);
  });

  it('may hold a text of ten million bytes', () => {
    expect(checkGroup('other', filelists('x'.repeat(10_000_000)))).toHaveLength(1);
  });
});

describe('a group is refused that', () => {
  it.each([
    ['is cut', filelists().slice(0, -5)],
    ['has a bare ampersand', filelists('a & b')],
    ['has a bare less-than', filelists('a < b')],
    ['has an unknown entity', filelists('&x;')],
    ['has a control character', filelists('\u001b')],
    ['has a reference to one', filelists('&#27;')],
    ['has U+FFFE', filelists('\ufffe')],
    ['has half a surrogate pair', filelists('\ud800')],
    ['has a reference to half a surrogate pair', filelists('&#xD800;')],
    ['has an attribute twice', `<package pkgid="${PKGID}" pkgid="${PKGID}"/>`],
    ['has a prefix that is not declared', filelists('<x:y/>')],
    ['has text between packages', `${filelists()}text${filelists()}`],
    ['has another element beside packages', `${filelists()}<other/>`],
    ['has a package inside an element beside packages', `<x>${filelists()}</x>`],
    ['closes the root element', `${filelists()}</filelists>`],
    ['opens another one', `</filelists><filelists>`],
    ['opens another one after a package', `${filelists()}</filelists><filelists>${filelists()}`],
    ['has a comment', `${filelists()}<!-- -->`],
    ['has a CDATA section', filelists('<![CDATA[x]]>')],
    ['has a processing instruction', filelists('<?x y?>')],
    ['has a document type', `<!DOCTYPE x [<!ENTITY a "b">]>${filelists()}`],
    ['names no digest', '<package name="a"/>'],
    ['names one that is none', filelists('', 'xyz')],
    ['has a text of more than ten million bytes', filelists('x'.repeat(10_000_001))],
    ['has one in letters of three bytes', filelists('漢'.repeat(3_333_334))],
    ['has an attribute of more than ten million bytes', filelists(`<file x="${'x'.repeat(10_000_001)}"/>`)],
  ])('%s', (_, group) => {
    expect(() => checkGroup('filelists', group)).toThrow(/^filelists/);
  });

  it.each([
    ['has no location in primary', primary('', '')],
    ['has an empty one', primary('', '<location href=""/>')],
    ['has its location further inside', primary('<format><location href="a"/></format>', '')],
    ['has no digest in primary', primary('', undefined, '')],
  ])('%s', (_, group) => {
    expect(() => checkGroup('primary', group)).toThrow(/^primary/);
  });
});
