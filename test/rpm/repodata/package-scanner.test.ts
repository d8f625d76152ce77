import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { PackageScanner, type ScannedPackage } from '../../../src/rpm/repodata/package-scanner.ts';
import { craftRpm } from '../../support/craft-rpm.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const PKGID = 'ab'.repeat(32);

/** Feeds the text in pieces that end at these positions. */
function scanInPieces(
  bytes: Uint8Array,
  ...ends: readonly number[]
): readonly Omit<ScannedPackage, 'element'>[] {
  return scanWhole(bytes, ...ends).map(({ element: _element, ...rest }) => rest);
}

function scanWhole(bytes: Uint8Array, ...ends: readonly number[]): readonly ScannedPackage[] {
  const scanner = new PackageScanner();
  let start = 0;
  return [...ends, bytes.length].flatMap((end) => {
    const packages = scanner.push(bytes.subarray(start, end));
    start = end;
    return packages;
  });
}

const primaryPackage = (text: string, href = 'Packages/a.rpm'): string =>
  `<package type="rpm">\n  <name>a</name>\n  <checksum type="sha256" pkgid="YES">${PKGID}</checksum>\n  <summary>${text}</summary>\n  <location href="${href}"/>\n</package>`;

const scanOne = (text: string | Uint8Array, href?: string): Omit<ScannedPackage, 'element'> | undefined => {
  const [before = '', after = ''] = primaryPackage('|', href).split('|');
  return scanInPieces(Buffer.concat([Buffer.from(before), Buffer.from(text), Buffer.from(after)]))[0];
};

describe('metadata that createrepo_c wrote', () => {
  interface Written {
    readonly texts: Readonly<Record<'primary' | 'filelists' | 'other', Buffer>>;
    readonly expected: readonly { readonly pkgid: string; readonly location: string }[];
  }
  let written: Written;

  beforeAll(async () => {
    await using dir = await createTempDir();
    const expected = [];
    for (const [index, name] of ['a', 'b+c', 'libä', 'with~tilde^caret', 'last'].entries()) {
      const bytes = craftRpm({
        name,
        summary: `<package> & "quotes" </package> ${index} größer 🎉 \ufffd`,
        files: [{ path: `/usr/share/<x>&/${name}` }, { path: '/etc/a b' }],
        changelogs: [{ author: 'A <a@example.com>', timeSeconds: 1_700_000_000, text: '- fix </package>' }],
      });
      const location = `${name} & <co>.rpm`;
      await writeFile(join(dir.path, location), bytes);
      expected.push({ pkgid: createHash('sha256').update(bytes).digest('hex'), location });
    }
    await execa('createrepo_c', [
      '--no-database',
      '--general-compress-type=gz',
      '--simple-md-filenames',
      '--workers=1',
      dir.path,
    ]);
    const open = async (type: string): Promise<Buffer> => {
      const { stdout } = await execa('zcat', [join(dir.path, 'repodata', `${type}.xml.gz`)], {
        encoding: 'buffer',
      });
      return Buffer.from(stdout);
    };
    written = {
      texts: {
        primary: await open('primary'),
        filelists: await open('filelists'),
        other: await open('other'),
      },
      expected,
    };
  });

  const byPkgid = (a: { readonly pkgid: string }, b: { readonly pkgid: string }): number =>
    a.pkgid < b.pkgid ? -1 : 1;

  it('gives digest and location of each package of primary', () => {
    const found = scanInPieces(written.texts.primary).toSorted(byPkgid);
    expect(found).toEqual(written.expected.toSorted(byPkgid).map((each) => ({ ...each, isReadable: true })));
  });

  it.each(['filelists', 'other'] as const)('gives the digest of each package of %s', (type) => {
    const found = scanInPieces(written.texts[type]).toSorted(byPkgid);
    expect(found).toEqual(
      written.expected
        .toSorted(byPkgid)
        .map(({ pkgid }) => ({ pkgid, location: undefined, isReadable: true })),
    );
  });

  it.each(['primary', 'filelists', 'other'] as const)('can arrive in any pieces: %s', (type) => {
    const bytes = written.texts[type];
    const whole = scanInPieces(bytes);
    expect(whole).toHaveLength(written.expected.length);
    for (let border = 0; border <= bytes.length; border += 1) {
      expect(scanInPieces(bytes, border)).toEqual(whole);
    }
    for (const size of [1, 2, 7, 64, 1000]) {
      const ends = Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => (index + 1) * size);
      expect(scanInPieces(bytes, ...ends)).toEqual(whole);
    }
  });
});

describe('the text of a package', () => {
  it.each([
    '',
    'plain',
    'größer 日本語 🎉',
    'replacement \ufffd',
    'private \ue000 \uf8ff',
    'last \u{10fffd}',
    'tab\t newline\n return\r',
    '&#9;&#10;&#13;&#x9;&#xA;&#xD;&#x0d;',
    '&#32;&#x20;&#233;&#x1F389;&#xFFFD;',
    '&amp;&lt;&gt;&quot;',
    '\u007f\u0085\u009f',
    '&amp;#0; is only written about',
  ])('may be %j', (text) => {
    expect(scanOne(text)?.isReadable).toBe(true);
  });

  it.each([
    '\u0000',
    '\u0001',
    '\u0008',
    '\u000b',
    '\u000c',
    '\u000e',
    '\u001b',
    '\u001f',
    '\ufffe',
    '\uffff',
  ])('cannot hold the character %j', (char) => {
    expect(scanOne(`a${char}b`)?.isReadable).toBe(false);
  });

  it.each([
    ['a surrogate', 'eda080'],
    ['an overlong form', 'c0af'],
    ['a code point above U+10FFFF', 'f4908080'],
    ['Latin-1', 'e4'],
    ['a cut sequence', 'e282'],
    ['a lone continuation', '80'],
  ])('cannot hold %s', (_, bytes) => {
    expect(scanOne(Buffer.from(bytes, 'hex'))?.isReadable).toBe(false);
  });

  it.each([
    '&#55296;',
    '&#57343;',
    '&#65534;',
    '&#65535;',
    '&#1114112;',
    '&#x110000;',
    '&#99999999999;',
    `&#${'9'.repeat(400)};`,
    '&#0;',
    '&#1;',
    '&#8;',
    '&#11;',
    '&#12;',
    '&#14;',
    '&#31;',
    '&#x0;',
    '&#x1;',
    '&#x1F;',
    '&#x001f;',
    '&#xB;',
    '&#xD800;',
    '&#xdfff;',
    '&#xFFFE;',
    '&#xffff;',
  ])('cannot hold the reference %s', (reference) => {
    expect(scanOne(`a${reference}b`)?.isReadable).toBe(false);
  });

  it('counts for its own package only', () => {
    const bytes = Buffer.from(
      `${primaryPackage('fine')}${primaryPackage('bad \u0001')}${primaryPackage('fine')}`,
    );
    expect(scanInPieces(bytes).map(({ isReadable }) => isReadable)).toEqual([true, false, true]);
  });

  it('in the opening tag of the file counts for the first package', () => {
    const bytes = Buffer.from(`<?xml version="1.0"?>\u0001<metadata>${primaryPackage('fine')}`);
    expect(scanInPieces(bytes).map(({ isReadable }) => isReadable)).toEqual([false]);
  });
});

describe('the location of a package', () => {
  it.each([
    ['Packages/a-1.rpm', 'Packages/a-1.rpm'],
    ['Packages/a&amp;b&lt;c&gt;&quot;&apos;.rpm', 'Packages/a&b<c>"\'.rpm'],
    ['Packages/&#228;&#xE4;&#x1F389;.rpm', 'Packages/ää🎉.rpm'],
    ['Packages/ä.rpm', 'Packages/ä.rpm'],
    ['Packages/&unknown;.rpm', 'Packages/&unknown;.rpm'],
    ['', ''],
  ])('%s is %s', (href, location) => {
    expect(scanOne('x', href)?.location).toBe(location);
  });

  it.each(['&#1114112;', '&#x110000;', '&#99999999999;', '&#xFFFFFFFFFFFFFFFFFFFFFFFFF;'])(
    'keeps a reference to what is no character: %s',
    (reference) => {
      expect(scanOne('x', `Packages/${reference}.rpm`)).toMatchObject({
        location: `Packages/${reference}.rpm`,
        isReadable: false,
      });
    },
  );

  it('is looked for once in a million elements without one', () => {
    const bytes = Buffer.from(`${'<location '.repeat(1_000_000)}${primaryPackage('x')}`);
    expect(scanInPieces(bytes)).toMatchObject([{ location: 'Packages/a.rpm' }]);
  });

  it('may follow a base URL', () => {
    const xml = primaryPackage('x').replace('<location ', '<location xml:base="http://example.com/?a=1" ');
    expect(scanInPieces(Buffer.from(xml))).toMatchObject([{ location: 'Packages/a.rpm' }]);
  });
});

describe('PackageScanner', () => {
  it('gives nothing for what is no package', () => {
    for (const text of [
      '',
      '<metadata packages="0">\n</metadata>',
      primaryPackage('x').slice(0, -1),
      '<package/>',
    ]) {
      expect(scanInPieces(Buffer.from(text))).toEqual([]);
    }
  });

  it('gives each element as it stands, whatever stands before it', () => {
    const [first, second] = [primaryPackage('one'), primaryPackage('two')];
    const bytes = Buffer.from(
      `<?xml version="1.0"?>\n<metadata packages="2">\n${first}\n${second}\n</metadata>`,
    );
    const elements = scanWhole(bytes, 10, 60, 200).map(({ element }) => Buffer.from(element).toString());
    expect(elements).toEqual([first, second]);
  });

  it('gives a package without a digest an empty one, which equals no other', () => {
    expect(scanInPieces(Buffer.from('<package></package>'))).toEqual([
      { pkgid: '', location: undefined, isReadable: true },
    ]);
  });

  it('holds 64 MiB of a package at most: a larger one is not readable, and those after it are', () => {
    const MIB = 1024 * 1024;
    const scanner = new PackageScanner();
    const [start = '', end = ''] = primaryPackage('|').split('|');
    const found = [...scanner.push(Buffer.from(start))];
    for (let count = 0; count < 80; count += 1) found.push(...scanner.push(Buffer.alloc(MIB, 'x')));
    found.push(...scanner.push(Buffer.from(end.slice(0, -3))));
    found.push(...scanner.push(Buffer.from(`${end.slice(-3)}${primaryPackage('after')}${start}`)));
    expect(found.map(({ pkgid, isReadable }) => ({ pkgid, isReadable }))).toEqual([
      { pkgid: PKGID, isReadable: false },
      { pkgid: PKGID, isReadable: true },
    ]);
    expect(found[0]?.element.length).toBeLessThan(66 * MIB);
    expect(scanner.push(Buffer.from(end))).toMatchObject([{ isReadable: true }]);
  });

  it('gives up a package without an end', () => {
    const scanner = new PackageScanner();
    const piece = Buffer.alloc(64 * 1024 * 1024, 'x');
    const pushAll = (): void => {
      for (let count = 0; count < 9; count += 1) scanner.push(piece);
    };
    expect(pushAll).toThrow('no end');
  });
});
