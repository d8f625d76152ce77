import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  compressSegment,
  decompressSegment,
} from '../../../../src/indexing/engines/incremental/index-format.ts';
import type {
  PackageGroup,
  PlacedSegment,
} from '../../../../src/indexing/engines/incremental/package-group.ts';
import { perType } from '../../../../src/indexing/engines/incremental/package-group.ts';
import { GROUP_BYTES, type Piece } from '../../../../src/indexing/engines/incremental/plan-groups.ts';
import {
  rebuildGroups,
  type RebuiltGroups,
} from '../../../../src/indexing/engines/incremental/rebuild-groups.ts';
import type { PackageMetadataType } from '../../../../src/rpm/repodata/metadata-envelope.ts';
import { craftRpm, type CraftSpec } from '../../../support/craft-rpm.ts';
import { flipMiddleByte, writePackage } from '../../../support/indexed-repository.ts';
import { sha256Of } from '../../../support/send-request.ts';
import { createTempDir, type TempDir } from '../../../support/temp-dir.ts';

let dir: TempDir;
let runs = 0;
beforeEach(async () => {
  dir = await createTempDir();
});
afterEach(() => dir.remove());

async function put(name: string, spec: CraftSpec = {}): Promise<Piece> {
  const location = `Packages/${name}.rpm`;
  await writePackage(join(dir.path, location), craftRpm({ name, ...spec }));
  return { package: { location, sha256: undefined } };
}

function rebuild(pieces: readonly Piece[], format: 'gzip' | 'zstd' = 'gzip'): RebuiltGroups {
  runs += 1;
  return rebuildGroups({
    repositoryDir: dir.path,
    pieces,
    format,
    segmentsPath: join(dir.path, `segments-${runs}`),
  });
}

async function textOf(group: PackageGroup, type: PackageMetadataType): Promise<string> {
  const { path, offset, lengthBytes, format } = group.segments[type];
  const bytes = (await readFile(path)).subarray(offset, offset + lengthBytes);
  if (format === 'plain') return bytes.toString();
  return decompressSegment(format, bytes, group.segments[type]).toString();
}

const NOTHING: RebuiltGroups = { groups: [], described: [], leftOut: [], damaged: [], gone: [] };
const namesOf = ({ groups }: RebuiltGroups): readonly (readonly string[])[] =>
  groups.map(({ packages }) => packages.map(({ location }) => location));
const keptPieces = ({ groups }: RebuiltGroups): readonly Piece[] =>
  groups.flatMap((group) => group.packages.map((_, index) => ({ group, index })));
/** So many files take about this many bytes of XML each. */
const filesOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ path: `/usr/share/folder/${index}` }));

describe('packages that are described', () => {
  it.each(['gzip', 'zstd'] as const)(
    'become a group whose segments hold their text, in order (%s)',
    async (format) => {
      const rebuilt = rebuild([await put('alpha'), await put('beta', { files: filesOf(3) })], format);
      expect(namesOf(rebuilt)).toEqual([['Packages/alpha.rpm', 'Packages/beta.rpm']]);
      expect(rebuilt.leftOut).toEqual([]);
      const [group] = rebuilt.groups;
      if (group === undefined) throw new Error('expected a group');
      expect(rebuilt.described).toEqual(group.packages);
      expect(group.packages[0]?.pkgid).toBe(sha256Of(craftRpm({ name: 'alpha' })));
      for (const type of ['primary', 'filelists', 'other'] as const) {
        const text = await textOf(group, type);
        expect(text.match(/<package /g)).toHaveLength(2);
        expect(text.indexOf('alpha')).toBeLessThan(text.indexOf('beta'));
        const [first, second] = group.packages;
        expect(Buffer.byteLength(text)).toBe((first?.textBytes[type] ?? 0) + (second?.textBytes[type] ?? 0));
        expect(group.segments[type].format).toBe(format);
      }
    },
  );

  it('are cut into groups between three quarters and one and a half of the size', async () => {
    const pieces = [];
    for (let index = 10; index < 70; index += 1) pieces.push(await put(`p${index}`, { files: filesOf(600) }));
    const { groups } = rebuild(pieces);
    expect(groups.length).toBeGreaterThan(2);
    for (const { segments } of groups) {
      const bytes = segments.primary.openBytes + segments.filelists.openBytes + segments.other.openBytes;
      expect(bytes / GROUP_BYTES).toBeGreaterThan(0.7);
      expect(bytes / GROUP_BYTES).toBeLessThan(1.55);
    }
  });

  it('of which one is larger than a group are neither lost nor parted', async () => {
    const rebuilt = rebuild([await put('a'), await put('b', { files: filesOf(30_000) }), await put('c')]);
    expect(namesOf(rebuilt).flat()).toEqual(['a', 'b', 'c'].map((name) => `Packages/${name}.rpm`));
    expect(rebuilt.groups.every(({ packages }) => packages.length > 0)).toBe(true);
  });

  it('that are none are no group', () => {
    expect(rebuild([])).toEqual({ groups: [], described: [], leftOut: [], damaged: [], gone: [] });
  });

  it('that were removed meanwhile are neither in a group nor left out, but gone', async () => {
    const gone = await put('gone');
    const here = await put('here');
    await rm(join(dir.path, 'Packages/gone.rpm'));
    const rebuilt = rebuild([gone, here]);
    expect(namesOf(rebuilt)).toEqual([['Packages/here.rpm']]);
    expect(rebuilt).toMatchObject({ leftOut: [], damaged: [], gone: ['Packages/gone.rpm'] });
  });

  it('but are no packages are left out with the reason, and the others are not', async () => {
    const good = await put('good');
    await writePackage(join(dir.path, 'Packages/text.rpm'), Buffer.from('# text\n'.repeat(100)));
    const bad: Piece = { package: { location: 'Packages/text.rpm', sha256: undefined } };
    const rebuilt = rebuild([good, bad]);
    expect(namesOf(rebuilt)).toEqual([['Packages/good.rpm']]);
    expect(rebuilt.leftOut).toMatchObject([
      { location: 'Packages/text.rpm', reason: expect.stringMatching(/^[A-Z_]+: /) },
    ]);
  });

  it('whose name on disk no XML can hold are left out, and the others are not', async () => {
    const bad = await put('ctrl\u0001');
    const good = await put('good');
    const rebuilt = rebuild([bad, good]);
    expect(namesOf(rebuilt)).toEqual([['Packages/good.rpm']]);
    expect(rebuilt.leftOut).toMatchObject([{ location: 'Packages/ctrl\u0001.rpm' }]);
  });

  it('but cannot be read just now fail the run: no reason to leave them out for ever', async () => {
    const piece = await put('link');
    const path = join(dir.path, 'Packages/link.rpm');
    await rm(path);
    await symlink('/nonexistent', path);
    expect(() => rebuild([piece])).toThrow(expect.objectContaining({ code: 'INDEX_FAILED' }));
    await rm(path);
    await mkdir(path);
    expect(() => rebuild([piece])).toThrow(expect.objectContaining({ code: 'INDEX_FAILED' }));
  });
});

describe('packages that were described before', () => {
  it('are copied without a look at their files, together with new ones', async () => {
    const before = rebuild([await put('a', { files: filesOf(5) }), await put('c')]);
    await rm(join(dir.path, 'Packages'), { recursive: true });
    const added = await put('b');
    const [a, c] = keptPieces(before);
    if (a === undefined || c === undefined) throw new Error('expected two pieces');
    const rebuilt = rebuild([a, added, c], 'zstd');
    expect(namesOf(rebuilt)).toEqual([['a', 'b', 'c'].map((name) => `Packages/${name}.rpm`)]);
    expect(rebuilt.described.map(({ location }) => location)).toEqual(['Packages/b.rpm']);
    const [first] = before.groups;
    const [second] = rebuilt.groups;
    if (first === undefined || second === undefined) throw new Error('expected a group');
    for (const type of ['primary', 'filelists', 'other'] as const) {
      const elements = (await textOf(second, type)).split(/(?=<package )/);
      expect([elements[0], elements[2]].join('')).toBe(await textOf(first, type));
    }
  });

  it('and whose text is damaged on disk fail as damaged', async () => {
    const before = rebuild([await put('a', { files: filesOf(50) })]);
    await flipMiddleByte(before.groups[0]?.segments.filelists.path ?? '');
    expect(() => rebuild(keptPieces(before))).toThrow(expect.objectContaining({ code: 'INDEX_DAMAGED' }));
  });

  it('and whose text ends early on disk fail as damaged', async () => {
    const before = rebuild([await put('a')]);
    const path = before.groups[0]?.segments.other.path ?? '';
    await writeFile(path, (await readFile(path)).subarray(0, -1));
    expect(() => rebuild(keptPieces(before))).toThrow(expect.objectContaining({ code: 'INDEX_DAMAGED' }));
  });

  it('are described again where the state says wrongly at which byte one of them begins', async () => {
    const [group] = rebuild([await put('a'), await put('c')]).groups;
    if (group === undefined) throw new Error('expected a group');
    const moved = group.packages.map((one, index) => ({
      ...one,
      textBytes: { ...one.textBytes, other: one.textBytes.other + (index === 0 ? 10 : -10) },
    }));
    const [a, c] = keptPieces({ ...NOTHING, groups: [{ ...group, packages: moved }] });
    if (a === undefined || c === undefined) throw new Error('expected two pieces');
    const rebuilt = rebuild([a, await put('b'), c]);
    expect(rebuilt.described).toEqual(rebuilt.groups[0]?.packages);
    expect([rebuilt.described[0], rebuilt.described[2]]).toEqual(group.packages);
  });

  it('are not read by the strict parser a second time', async () => {
    const [group] = rebuild([await put('a')]).groups;
    if (group === undefined) throw new Error('expected a group');
    const text = Buffer.from((await textOf(group, 'primary')).replace('<name>', '<nam>'));
    const { bytes, segment } = compressSegment('gzip', text);
    const path = join(dir.path, 'unread');
    await writeFile(path, bytes);
    const [one] = group.packages;
    if (one === undefined) throw new Error('expected a package');
    const packages = [{ ...one, textBytes: { ...one.textBytes, primary: text.length } }];
    const primary: PlacedSegment = { ...segment, path, offset: 0, format: 'gzip' };
    const written = { packages, segments: { ...group.segments, primary } };
    const rebuilt = rebuild([...keptPieces({ ...NOTHING, groups: [written] }), await put('b')]);
    expect(rebuilt.described.map(({ location }) => location)).toEqual(['Packages/b.rpm']);
  });
});

describe('a text that another program wrote', () => {
  /** The group of one package with its text changed, unpacked as it is when metadata is taken over. */
  async function foreign(
    piece: Piece,
    change: (text: Buffer, type: PackageMetadataType) => Buffer,
  ): Promise<Piece> {
    const [group] = rebuild([piece]).groups;
    if (group === undefined) throw new Error('expected a group');
    const path = join(dir.path, `foreign-${runs}`);
    const parts: Buffer[] = [];
    const segments: Record<string, PlacedSegment> = {};
    for (const type of ['primary', 'filelists', 'other'] as const) {
      const text = change(Buffer.from(await textOf(group, type)), type);
      const offset = Buffer.concat(parts).length;
      parts.push(text);
      const { segment } = compressSegment('gzip', text);
      segments[type] = { ...segment, lengthBytes: text.length, path, offset, format: 'plain' };
    }
    await writeFile(path, Buffer.concat(parts));
    const placed = perType((type) => segments[type] ?? group.segments[type]);
    const packages = group.packages.map((one) => ({
      ...one,
      textBytes: perType((type) => placed[type].openBytes),
    }));
    return { group: { packages, segments: placed }, index: 0 };
  }
  const replaced =
    (where: PackageMetadataType, from: string, to: string | Buffer) =>
    (text: Buffer, type: PackageMetadataType): Buffer => {
      const at = text.indexOf(from);
      if (type !== where) return text;
      expect(at).toBeGreaterThanOrEqual(0);
      return Buffer.concat([text.subarray(0, at), Buffer.from(to), text.subarray(at + from.length)]);
    };

  it('and that is sound is taken', async () => {
    const rebuilt = rebuild([await foreign(await put('a'), (text) => text)]);
    expect(rebuilt.described).toEqual([]);
    expect(namesOf(rebuilt)).toEqual([['Packages/a.rpm']]);
  });

  it.each([
    ['is not well-formed', replaced('primary', '<name>', '<nam>')],
    ['has a comment', replaced('primary', '<name>', '<!-- x --><name>')],
    ['is of another location', replaced('primary', 'Packages/a.rpm', 'Packages/b.rpm')],
    ['is of another package', replaced('other', 'pkgid="', 'pkgid="0')],
    ['is two packages', (text: Buffer) => Buffer.concat([text, text])],
    ['is no package', replaced('filelists', '<package ', '<packet ')],
    ['holds bytes that are no UTF-8', replaced('primary', 'An example', Buffer.from('An\xff', 'latin1'))],
    ['holds a character that XML forbids', replaced('primary', 'An example', 'An \u0001')],
    ['has a prefix that is not declared', replaced('primary', '<rpm:license>', '<xyz:license>')],
  ])('and that %s is written anew from the package', async (_, change) => {
    const good = await put('z');
    const sound = rebuild([await put('a')]).groups[0];
    const rebuilt = rebuild([await foreign(await put('a'), change), good]);
    expect(namesOf(rebuilt)).toEqual([['Packages/a.rpm', 'Packages/z.rpm']]);
    expect(rebuilt.described.map(({ location }) => location)).toEqual(['Packages/a.rpm', 'Packages/z.rpm']);
    if (sound === undefined || rebuilt.groups[0] === undefined) throw new Error('expected a group');
    for (const type of ['primary', 'filelists', 'other'] as const) {
      expect((await textOf(rebuilt.groups[0], type)).startsWith(await textOf(sound, type))).toBe(true);
    }
  });

  it('of a package that cannot be described is left out with the reason, once', async () => {
    const piece = await foreign(await put('a'), replaced('primary', '<name>', '<nam>'));
    await writeFile(join(dir.path, 'Packages/a.rpm'), 'text');
    const rebuilt = rebuild([piece]);
    expect(rebuilt.groups).toEqual([]);
    expect(rebuilt.leftOut).toMatchObject([{ location: 'Packages/a.rpm' }]);
  });

  it('of a package that is gone is dropped', async () => {
    const piece = await foreign(await put('a'), replaced('primary', '<name>', '<nam>'));
    await rm(join(dir.path, 'Packages/a.rpm'));
    expect(rebuild([piece])).toEqual({
      groups: [],
      described: [],
      leftOut: [],
      damaged: [],
      gone: ['Packages/a.rpm'],
    });
  });
});

it('a scratch directory that cannot be written to fails the run with the reason of the file system', async () => {
  const piece = await put('a');
  await chmod(dir.path, 0o755);
  expect(() =>
    rebuildGroups({
      repositoryDir: dir.path,
      pieces: [piece],
      format: 'gzip',
      segmentsPath: '/nonexistent/x',
    }),
  ).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
