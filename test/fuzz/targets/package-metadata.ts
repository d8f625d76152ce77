import {
  closingTag,
  openingTag,
  PACKAGE_METADATA_TYPES,
} from '../../../src/rpm/repodata/metadata-envelope.ts';
import { checkGroup } from '../../../src/rpm/repodata/check-group.ts';
import { PackageScanner, type ScannedPackage } from '../../../src/rpm/repodata/package-scanner.ts';
import { renderPackage } from '../../../src/rpm/repodata/render-package.ts';
import { dependency, describedPackage, PACKAGE_FILE } from '../../support/described-package.ts';
import { type FuzzTarget, holds } from '../fuzz-target.ts';

/** primary, filelists or other that another program wrote. */
export const packageMetadata: FuzzTarget = {
  run,
  seeds,
  dictionary: [
    '<package',
    '<package type="rpm">',
    '</package>',
    '<package pkgid="ab">',
    '<location href="a"/>',
    'href="',
    '"',
    "'",
    '<checksum type="sha256" pkgid="YES">ab</checksum>',
    'pkgid="YES"',
    '&amp;',
    '&#0;',
    '&#x0;',
    '&#38;',
    '&#x110000;',
    '&#1114112;',
    '&#xFFFE;',
    '&#65534;',
    '&#55296;',
    '&#xD800;',
    '&#x9;',
    '&#99999999999;',
    '&lt;',
    '&quot;',
    '&apos;',
    '&foo;',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<?xml',
    '?>',
    '<!DOCTYPE',
    '\u0001',
    '\ufffe',
    '\ufeff',
    '\u{10ffff}',
    ' xmlns:rpm="x"',
    'rpm:',
    ' xml:base="x"',
    '/>',
    '\r\n',
    Buffer.from('eda080', 'hex'),
    Buffer.from('ff', 'hex'),
  ], // prettier-ignore
};

function run(input: Buffer): void {
  const whole = scan(input, Math.max(1, input.length));
  for (const { isReadable, element } of whole) {
    holds(!isReadable || !namesForbidden(element), 'a forbidden character counts as readable');
  }
  // Short enough that an end tag lies across two or three of them.
  for (const pieceBytes of [1 + (input.length % 12), 1 + ((input[0] ?? 0) % 32)]) {
    expectSame(scan(input, pieceBytes), whole);
  }
  const text = input.toString();
  for (const type of PACKAGE_METADATA_TYPES) {
    try {
      for (const { pkgid } of checkGroup(type, text))
        holds(/^[0-9a-f]+$/.test(pkgid), 'a pkgid that is none');
    } catch (error) {
      if (!(error instanceof Error) || error.constructor !== Error) throw error;
    }
  }
}

function expectSame(found: readonly ScannedPackage[], whole: readonly ScannedPackage[]): void {
  holds(found.length === whole.length, 'pieces make another number of packages');
  for (const [index, one] of whole.entries()) {
    const other = found[index];
    const isSame = one.pkgid === other?.pkgid && one.location === other.location;
    holds(isSame && one.isReadable === other.isReadable, 'pieces make another package');
    holds(Buffer.from(one.element).equals(other.element), 'pieces make another element');
  }
}

function scan(input: Buffer, pieceBytes: number): readonly ScannedPackage[] {
  const scanner = new PackageScanner();
  const packages: ScannedPackage[] = [];
  for (let start = 0; start < input.length; start += pieceBytes) {
    packages.push(...scanner.push(input.subarray(start, start + pieceBytes)));
  }
  return packages;
}

/** XML 1.0, production 2 and section 4.1 (Legal Character). */
function namesForbidden(element: Uint8Array): boolean {
  for (const [, decimal, hex] of Buffer.from(element)
    .toString('latin1')
    .matchAll(/&#(?:(\d+)|x([0-9a-fA-F]+));/g)) {
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    const isChar =
      code === 9 ||
      code === 10 ||
      code === 13 ||
      (code >= 0x20 && code <= 0xd7ff) ||
      (code >= 0xe000 && code <= 0xfffd) ||
      (code >= 0x10000 && code <= 0x10ffff);
    if (!isChar) return true;
  }
  return false;
}

function seeds(): readonly Buffer[] {
  const rpm = describedPackage({
    summary: 'A & B',
    files: [{ path: '/etc/a', kind: 'file' }],
    changelogs: [{ author: 'A', timeSeconds: 1, text: 't' }],
    dependencies: { requires: [dependency('b', 8, '1:2-3')] },
  });
  const xml = renderPackage(rpm, { ...PACKAGE_FILE, location: 'Packages/a&b.rpm' });
  return PACKAGE_METADATA_TYPES.flatMap((type) => [
    Buffer.from(xml[type]),
    Buffer.from(`${openingTag(type, 2)}${xml[type]}${xml[type]}${closingTag(type)}`),
  ]);
}
