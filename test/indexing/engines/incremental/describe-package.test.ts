import { readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityAt } from '../../../../src/base/files/file-identity.ts';
import {
  type Description,
  describePackage,
} from '../../../../src/indexing/engines/incremental/describe-package.ts';
import { SignatureTag, Tag } from '../../../../src/rpm/rpm-parser/tag.ts';
import {
  craftRpm,
  type CraftSpec,
  dropTags,
  formatSix,
  int32Tag,
  replaceTags,
} from '../../../support/craft-rpm.ts';
import { writePackage } from '../../../support/indexed-repository.ts';
import { renderFile } from '../../../support/render-packages.ts';
import { sha256Of } from '../../../support/send-request.ts';
import { createTempDir, type TempDir } from '../../../support/temp-dir.ts';

const LOCATION = 'Packages/a.rpm';

let dir: TempDir;
beforeEach(async () => {
  dir = await createTempDir();
});
afterEach(() => dir.remove());

const path = (): string => join(dir.path, LOCATION);
const describeIt = (sha256?: string): Description =>
  describePackage(dir.path, { location: LOCATION, sha256 });

async function put(spec: CraftSpec = {}): Promise<Buffer> {
  const bytes = craftRpm(spec);
  await writePackage(path(), bytes);
  return bytes;
}

function reasonOf(description: Description): string {
  return description.outcome === 'left-out' ? description.reason : description.outcome;
}

describe('a package', () => {
  it('is described by its header, its place, its size and its mtime, and identified by its sha256', async () => {
    const bytes = await put({ payload: Buffer.alloc(3_000_000, 'payload ') });
    await utimes(path(), 5, 1_234_567_890.9);
    expect(describeIt()).toEqual({
      outcome: 'described',
      pkgid: sha256Of(bytes),
      identity: identityAt(path()),
      xml: renderFile(dir.path, LOCATION),
    });
    expect(renderFile(dir.path, LOCATION).primary).toContain('file="1234567890"');
  });

  it('is not read as a whole when its sha256 is known', async () => {
    await put({ payload: Buffer.alloc(100_000, 'payload ') });
    expect(describeIt('c'.repeat(64))).toMatchObject({ outcome: 'described', pkgid: 'c'.repeat(64) });
  });

  it('whose header is larger than what is read at first is described as any other', async () => {
    const files = Array.from({ length: 20_000 }, (_, index) => ({ path: `/usr/share/many/${index}` }));
    const bytes = await put({ files });
    expect(describeIt()).toMatchObject({ outcome: 'described', pkgid: sha256Of(bytes) });
  });

  it('that says a wrong size is described as long as its digests prove it whole', async () => {
    const editSignature = replaceTags(int32Tag(SignatureTag.SIZE, [12_345_678]));
    const bytes = await put({ editSignature });
    expect(describeIt()).toMatchObject({ outcome: 'described', pkgid: sha256Of(bytes) });
    expect(describeIt(sha256Of(bytes))).toMatchObject({ outcome: 'described' });
    await writeFile(path(), bytes.subarray(0, -1));
    expect(reasonOf(describeIt())).toMatch(/it is cut/);
  });

  it('that no host can install is described: the index does not lose it', async () => {
    await put({ files: [{ path: '/opt/a', content: 'a' }], editHeader: dropTags(Tag.FILEUSERNAME) });
    expect(describeIt()).toMatchObject({ outcome: 'described' });
  });

  it('that is not there any more is gone', () => {
    expect(describeIt()).toEqual({ outcome: 'gone' });
  });
});

describe('a file that is no package to install', () => {
  it.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
    ['empty', () => Buffer.alloc(0), /^[A-Z_]+: /],
    ['text', () => Buffer.from('hello '.repeat(1000)), /^[A-Z_]+: /],
    ['cut inside its header', (bytes) => bytes.subarray(0, 400), /^[A-Z_]+: /],
    ['cut inside its payload', (bytes) => bytes.subarray(0, -10), /it is cut: expected \d+ bytes/],
    [
      'of a header with a flipped bit',
      (bytes) =>
        bytes.fill(
          (bytes[bytes.indexOf('example')] ?? 0) ^ 1,
          bytes.lastIndexOf('example'),
          bytes.lastIndexOf('example') + 1,
        ),
      /^[A-Z_]+: /,
    ],
  ])('because it is %s, is left out with the reason and its identity', async (_, damage, reason) => {
    const bytes = await put();
    await writeFile(path(), damage(bytes));
    const description = describeIt();
    expect(reasonOf(description)).toMatch(reason);
    expect(description).toMatchObject({ identity: identityAt(path()) });
  });

  it('because it is cut and of format 6, is left out', async () => {
    const bytes = await put({ payload: Buffer.alloc(5000), ...formatSix(5000) });
    expect(describeIt()).toMatchObject({ outcome: 'described' });
    await writeFile(path(), bytes.subarray(0, -1));
    expect(reasonOf(describeIt())).toMatch(/it is cut: expected \d+ bytes/);
  });

  it('because it is a delta, is left out', async () => {
    await put({ payloadFormat: 'drpm' });
    expect(reasonOf(describeIt())).toMatch(/payload is "drpm"/);
  });

  it('because hosts crash on a dependency of it, is left out', async () => {
    await put({ dependencies: { supplements: [{ name: `(${'a or '.repeat(100_000)}a)` }] } });
    expect(reasonOf(describeIt())).toMatch(/^SUPPLEMENTNAME \(entry 0\) /);
  });

  it('because it has no name, is left out', async () => {
    await put({ editHeader: dropTags(Tag.NAME) });
    expect(reasonOf(describeIt())).toMatch(/^[A-Z_]+: /);
  });

  it.each([
    ['a dependency', { dependencies: { requires: [{ name: 'a\u0001b' }] } }],
    ['a path', { files: [{ path: '/usr/share/a\u0002b' }] }],
  ])('because %s holds a control character, is left out', async (_, spec) => {
    await put(spec);
    expect(reasonOf(describeIt())).toMatch(/text that XML cannot hold/);
  });
});

it('a package with a control character in free text is described with another character in its place', async () => {
  await put({ summary: 'a\u0001b' });
  expect(describeIt()).toMatchObject({ xml: { primary: expect.stringContaining('a\ufffdb') } });
});

it('a package with bytes behind its payload is described: rpm installs it', async () => {
  const bytes = await put();
  await writeFile(path(), Buffer.concat([bytes, Buffer.from('trailing')]));
  expect(describeIt()).toMatchObject({ outcome: 'described', pkgid: sha256Of(await readFile(path())) });
});

it('a link in the place of a package is not followed', async () => {
  await put();
  const target = join(dir.path, 'target.rpm');
  await writePackage(target, craftRpm());
  await rm(path());
  await symlink(target, path());
  expect(() => describeIt()).toThrow(expect.objectContaining({ code: 'INDEX_FAILED' }));
});

it('a file that becomes shorter has its own digest, whatever was read of it before', async () => {
  const bytes = await put({ payload: Buffer.alloc(100_000, 'x') });
  await truncate(path(), bytes.length);
  expect((await stat(path())).size).toBe(bytes.length);
  expect(describeIt()).toMatchObject({ pkgid: sha256Of(bytes) });
});
