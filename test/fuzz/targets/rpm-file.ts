import { SaxesParser } from 'saxes';
import { AppError } from '../../../src/errors.ts';
import { checkAcceptance } from '../../../src/intake/inspect/acceptance.ts';
import type { PackageXml } from '../../../src/rpm/repodata/render-package.ts';
import { compareEvr, compareVersions, parseEvr } from '../../../src/rpm/rpm-parser/evr.ts';
import { gatherHeader } from '../../../src/rpm/rpm-parser/gather-header.ts';
import { formatNevra, toNevra } from '../../../src/rpm/nevra.ts';
import { parseHeader } from '../../../src/rpm/rpm-parser/header.ts';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { RpmParseError } from '../../../src/rpm/rpm-parser/rpm-parse-error.ts';
import type { RpmPackage } from '../../../src/rpm/rpm-parser/rpm-package.ts';
import { Tag } from '../../../src/rpm/rpm-parser/tag.ts';
import { readStrings } from '../../../src/rpm/rpm-parser/tag-array.ts';
import { verifyHeaderDigests } from '../../../src/rpm/rpm-parser/verify-header-digests.ts';
import { craftRpm, type CraftSpec } from '../../support/craft-rpm.ts';
import { checkRendered } from '../check-rendered.ts';
import { type FuzzTarget, holds } from '../fuzz-target.ts';
import { mutateRpm, RPM_TEXTS } from '../mutate-rpm.ts';

/** A package file, from its bytes to repodata and back. */
export const rpmFile: FuzzTarget = { run, seeds, dictionary: RPM_TEXTS, mutate: mutateRpm };

/** gatherHeader: its guess, the two headers' starts, and the end of both. */
const MAX_READS = 4;

const SHA256 = 'ab'.repeat(32);

function run(input: Buffer): void {
  const rpm = readPackage(input);
  if (rpm === undefined) return;
  checkLists(rpm);
  checkPaths(input, rpm);
  checkOrder(rpm);
  // What is too long for libxml2 is left out of the index.
  if (rpm.textDefects.some(({ defect }) => defect === 'too-long')) return;
  const file = {
    // The layout's validator lets no other characters into a path.
    location: `Packages/${rpm.name.replaceAll(/[^\w.+~^-]/g, '_')}.rpm`,
    sha256: SHA256,
    sizeBytes: input.length,
    mtimeSeconds: 1,
  };
  const xml = checkRendered(rpm, file);
  if (isAccepted(rpm)) checkReadBack(rpm, xml);
}

/** Undefined for a file that is refused, which must be with an RpmParseError. */
function readPackage(input: Buffer): RpmPackage | undefined {
  try {
    let reads = 0;
    const { bytes, extent } = gatherHeader(input.length, (lengthBytes) => {
      reads++;
      return input.subarray(0, lengthBytes);
    });
    holds(reads <= MAX_READS, `the header was gathered in ${reads} reads`);
    holds(extent.payloadStart <= bytes.length, 'fewer bytes were gathered than the header has');
    const rpm = parseRpm(bytes, input.length);
    checkDigests(bytes, rpm);
    return rpm;
  } catch (error) {
    if (error instanceof RpmParseError) return undefined;
    throw error;
  }
}

function checkDigests(bytes: Uint8Array, rpm: RpmPackage): void {
  const { headerSha1, headerSha256, headerSha3_256, headerAndPayloadMd5 } = rpm.digests;
  for (const [hex, length] of [
    [headerSha1, 40],
    [headerSha256, 64],
    [headerSha3_256, 64],
    [headerAndPayloadMd5, 32],
  ] as const) {
    holds(hex === undefined || (hex.length === length && /^[0-9a-f]+$/.test(hex)), 'a digest is none');
  }
  try {
    verifyHeaderDigests(bytes, rpm);
  } catch (error) {
    if (!(error instanceof RpmParseError) || error.code !== 'DIGEST_MISMATCH') throw error;
  }
}

function checkLists(rpm: RpmPackage): void {
  const lists = [...Object.values(rpm.dependencies), rpm.files, rpm.fileDigests, rpm.changelogs];
  for (const list of lists) {
    let length = 0;
    for (const item of list) length += item === undefined ? 0 : 1;
    holds(length === list.length, `a list of ${list.length} gives ${length} items`);
  }
}

/** The directories and the names in them, as the header has them. */
function checkPaths(input: Buffer, { files, headerRange, textDefects }: RpmPackage): void {
  // Such a path is read as Latin-1 as a whole.
  if (textDefects.some(({ tag, defect }) => defect === 'latin-1' && tag.endsWith('NAMES'))) return;
  const header = parseHeader(input, headerRange.start, 'main');
  const [directories, names] = [Tag.DIRNAMES, Tag.BASENAMES].map((tag) => {
    const entry = header.entries.get(tag);
    return entry && [...readStrings(header, entry)];
  });
  if (directories === undefined || names === undefined) return;
  const known = new Set(directories);
  let index = 0;
  for (const { path } of files) {
    const name = names[index++] ?? '';
    holds(path.endsWith(name), 'a path does not end in its name');
    holds(known.has(path.slice(0, path.length - name.length)), 'a path lies in no directory of the package');
  }
}

function checkOrder(rpm: RpmPackage): void {
  const { version, release } = rpm;
  const forth = Math.sign(compareVersions(version, release));
  holds(forth + Math.sign(compareVersions(release, version)) === 0, 'the order of versions has no direction');
  const own = parseEvr(`${rpm.epoch ?? 0}:${version}-${release}`);
  holds(compareEvr(own, own) === 0, 'a version is not equal to itself');
  holds(formatNevra(toNevra(rpm)).includes(version), 'the NEVRA lacks the version');
}

function isAccepted(rpm: RpmPackage): boolean {
  try {
    checkAcceptance(rpm);
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** What XML 1.0 does not count as Char (production 2). */
// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const NO_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/** An accepted package's texts come back letter by letter, but for those that XML cannot hold. */
function checkReadBack(rpm: RpmPackage, xml: PackageXml): void {
  const primary = readXml(xml.primary);
  const expected = new Map([
    ['name', rpm.name],
    ['arch', rpm.isSource ? 'src' : rpm.arch],
    ['summary', rpm.summary ?? ''],
    ['description', rpm.description ?? ''],
    ['packager', rpm.packager ?? ''],
    ['url', rpm.url ?? ''],
    ['rpm:license', rpm.license ?? ''],
    ['rpm:vendor', rpm.vendor ?? ''],
    ['rpm:group', rpm.group ?? ''],
    ['rpm:buildhost', rpm.buildHost ?? ''],
    ['rpm:sourcerpm', rpm.sourceRpm ?? ''],
  ]);
  for (const [name, text] of expected) {
    const held = text.toWellFormed().replace(NO_XML, '\ufffd');
    holds(primary.texts.get(name)?.[0] === held, `${name} does not come back as it was`);
  }
  const { epoch, ver, rel } = primary.version;
  holds(
    epoch === String(rpm.epoch ?? 0) && ver === rpm.version && rel === rpm.release,
    'another EVR comes back',
  );
  const files = readXml(xml.filelists).texts.get('file') ?? [];
  holds(files.length === rpm.files.length, 'another number of files comes back');
  let index = 0;
  for (const { path } of rpm.files) holds(files[index++] === path, 'a path does not come back as it was');
}

function readXml(xml: string) {
  const texts = new Map<string, string[]>();
  let version: Readonly<Record<string, string>> = {};
  let text = '';
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => {
    text = '';
    if (name === 'version') version = attributes;
  });
  parser.on('text', (piece) => {
    text += piece;
  });
  parser.on('closetag', ({ name }) => {
    const list = texts.get(name);
    if (list === undefined) texts.set(name, [text]);
    else list.push(text);
    text = '';
  });
  parser.write(xml).close();
  return { texts, version };
}

const SPECS: readonly CraftSpec[] = [
  {},
  {
    epoch: 1,
    vendor: 'Vendor',
    packager: 'A <a@example.com>',
    url: 'https://example.com/?a=1&b=2',
    files: [
      { path: '/usr/bin/a', content: 'a' },
      { path: '/etc/b', flags: 1 },
      { path: '/usr/share/c', mode: 0o040755 },
      { path: '/var/run/d', flags: 64, sizeBytes: 10 },
    ],
    dependencies: {
      requires: [
        { name: 'a', flags: 8, evr: '1:2-3' },
        { name: 'libc.so.6(GLIBC_2.34)(64bit)' },
        { name: 'libc.so.6()(64bit)' },
        { name: '/bin/sh', flags: 512 },
        { name: 'rpmlib(X)', flags: 10 + 2 ** 24, evr: '4' },
      ],
      conflicts: [{ name: 'c', flags: 2, evr: '1' }],
      obsoletes: [{ name: 'o', flags: 10, evr: '1-1' }],
      suggests: [{ name: 's' }],
      recommends: [{ name: '(r if s)' }],
      oldSuggests: [{ name: 'x', flags: 2 ** 27 }],
      oldEnhances: [{ name: 'y' }],
    },
    changelogs: [
      { author: 'A <a@example.com> - 1-1', timeSeconds: 100, text: '- é' },
      { author: 'B ', timeSeconds: 100, text: '' },
    ],
  },
  { isSource: true, arch: 'noarch', files: [{ path: 'example.spec', content: 'Name: example' }] },
  { hasRegion: false, name: 'old', summary: new Uint8Array([0xe9]) },
];

function seeds(): readonly Buffer[] {
  return SPECS.map(craftRpm);
}
