import { describe, expect, it } from 'vitest';
import { checkGroup } from '../../../src/rpm/repodata/check-group.ts';
import type { DescribedPackage } from '../../../src/rpm/repodata/described-package.ts';
import { PACKAGE_METADATA_TYPES } from '../../../src/rpm/repodata/metadata-envelope.ts';
import { renderPackage } from '../../../src/rpm/repodata/render-package.ts';
import { dependency, describedPackage, PACKAGE_FILE } from '../../support/described-package.ts';

const render = (given: Parameters<typeof describedPackage>[0]) =>
  renderPackage(describedPackage(given), PACKAGE_FILE);

function expectWellFormed(rpm: DescribedPackage, location = PACKAGE_FILE.location): void {
  const xml = renderPackage(rpm, { ...PACKAGE_FILE, location });
  for (const type of PACKAGE_METADATA_TYPES) {
    expect(checkGroup(type, xml[type])).toMatchObject([
      { pkgid: PACKAGE_FILE.sha256, location: type === 'primary' ? location : undefined },
    ]);
  }
}

describe('the elements of a package', () => {
  it('say what little a small package says', () => {
    expect(render({})).toEqual({
      primary: `<package type="rpm">
  <name>example</name>
  <arch>x86_64</arch>
  <version epoch="0" ver="1.0" rel="1.el9"/>
  <checksum type="sha256" pkgid="YES">${PACKAGE_FILE.sha256}</checksum>
  <summary>An example</summary>
  <description>An example.</description>
  <packager></packager>
  <url></url>
  <time file="1700000001" build="1700000000"/>
  <size package="2000" installed="5" archive="6"/>
  <location href="Packages/example-1.0-1.el9.x86_64.rpm"/>
  <format>
    <rpm:license>MIT</rpm:license>
    <rpm:vendor></rpm:vendor>
    <rpm:group></rpm:group>
    <rpm:buildhost></rpm:buildhost>
    <rpm:sourcerpm></rpm:sourcerpm>
    <rpm:header-range start="280" end="1000"/>
  </format>
</package>
`,
      filelists: `<package pkgid="${PACKAGE_FILE.sha256}" name="example" arch="x86_64">
  <version epoch="0" ver="1.0" rel="1.el9"/>
</package>
`,
      other: `<package pkgid="${PACKAGE_FILE.sha256}" name="example" arch="x86_64">
  <version epoch="0" ver="1.0" rel="1.el9"/>
</package>
`,
    });
  });

  it('name etc, everything in a directory that ends in bin, and sendmail in primary', () => {
    const inPrimary = ['/etc/a', '/usr/bin/a', '/sbin/a', '/opt/cabin/a', '/usr/lib/sendmail'];
    const elsewhere = ['/etc', '/usr/etc/a', '/usr/bin', '/usr/lib/sendmail.d', '/bindir/a'];
    const files = [...inPrimary, ...elsewhere].map((path) => ({ path, kind: 'file' as const }));
    const { primary, filelists } = render({ files });
    const paths = (xml: string) => [...xml.matchAll(/<file>(.*)<\/file>/g)].map(([, path]) => path);
    expect(paths(primary)).toEqual(inPrimary);
    expect(paths(filelists)).toEqual([...inPrimary, ...elsewhere]);
  });

  it('keep the ten newest changelog entries, each at a time of its own', () => {
    const changelogs = Array.from({ length: 12 }, (_, index) => ({
      author: `A ${index}  `,
      timeSeconds: index < 3 ? 100 : 90 - index,
      text: 'x',
    }));
    const dates = [...render({ changelogs }).other.matchAll(/author="(.*?)" date="(\d+)"/g)];
    expect(dates.map(([, author, date]) => [author, Number(date)])).toEqual([
      ...Array.from({ length: 7 }, (_, index) => [`A ${9 - index}`, 81 + index]),
      ['A 2', 100],
      ['A 1', 101],
      ['A 0', 102],
    ]);
  });

  it('are those of src for a source package', () => {
    const { primary, filelists } = render({ isSource: true });
    expect(primary).toContain('<arch>src</arch>');
    expect(filelists).toContain('arch="src"');
  });

  it('hold an empty list when none of its entries has a name', () => {
    const { primary } = render({ dependencies: { conflicts: [dependency('')] } });
    expect(primary).toContain('    <rpm:conflicts/>\n');
  });
});

describe('hostile text', () => {
  const EVIL = '\0\u001b\ufffe\ud800 </package>]]><!--"\'&\t\r\n\u{1f389}\udc00';

  it('in any field leaves the elements well-formed', () => {
    const evil = dependency(EVIL, 8, `1:${EVIL}-${EVIL}`);
    const list = [evil, dependency(EVIL, 0xffffffff, EVIL)];
    const rpm = describedPackage({
      name: EVIL,
      version: EVIL,
      release: EVIL,
      arch: EVIL,
      summary: EVIL,
      description: EVIL,
      group: EVIL,
      license: EVIL,
      vendor: EVIL,
      packager: EVIL,
      url: EVIL,
      buildHost: EVIL,
      sourceRpm: EVIL,
      dependencies: {
        provides: list,
        requires: [...list, dependency(`libc.so.6(${EVIL}2`)],
        conflicts: list,
        obsoletes: list,
        recommends: list,
        suggests: list,
        supplements: list,
        enhances: list,
        oldSuggests: list,
        oldEnhances: list,
      },
      files: [{ path: `/etc/${EVIL}`, kind: 'dir' }],
      changelogs: [{ author: EVIL, timeSeconds: 0, text: EVIL }],
    });
    expectWellFormed(rpm, 'Packages/a & <b> "c"\t\n ü 🎉.rpm');
  });
});

describe('a huge package', () => {
  const TIME_LIMIT_MS = 30_000;

  it('with a million dependencies is written in seconds', { timeout: TIME_LIMIT_MS }, () => {
    const requires = Array.from({ length: 1_000_000 }, (_, index) =>
      dependency(index % 2 === 0 ? `libc.so.6(GLIBC_2.${index})` : `d${index % 1000}`, 12, String(index % 7)),
    );
    const provides = Array.from({ length: 100_000 }, (_, index) => dependency(`p${index}`));
    const { primary } = render({ dependencies: { provides, requires } });
    expect(primary).toContain('libc.so.6(GLIBC_2.999998)');
    expect(primary).not.toContain('libc.so.6(GLIBC_2.999996)');
  });

  it('with one huge version among many of the C library is written in seconds', {
    timeout: TIME_LIMIT_MS,
  }, () => {
    const versions = ['1.'.repeat(500_000), `${'0'.repeat(1_000_000)}9`, 'a'.repeat(1_000_000), '1.2'];
    const requires = Array.from({ length: 200_000 }, (_, index) =>
      dependency(`libc.so.6(2.${versions[index] ?? '1'})`),
    );
    const { primary } = render({ dependencies: { requires } });
    expect(primary.match(/<rpm:entry/g)).toHaveLength(1);
    expect(primary).toContain('00009)');
  });

  it('with 200,000 files and as many requires on them is written in seconds', {
    timeout: TIME_LIMIT_MS,
  }, () => {
    const files = Array.from({ length: 200_000 }, (_, index) => ({
      path: `/usr/bin/tool-${index}`,
      kind: 'file' as const,
    }));
    const requires = files.map(({ path }) => dependency(path));
    const { primary } = render({
      files,
      dependencies: { requires: [...requires, dependency('/usr/bin/x')] },
    });
    expect(primary.match(/<rpm:entry/g)).toHaveLength(1);
  });
});
