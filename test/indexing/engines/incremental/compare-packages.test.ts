import { mkdir, rename, rm, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityAt } from '../../../../src/base/files/file-identity.ts';
import {
  comparePackages,
  type PackageChanges,
} from '../../../../src/indexing/engines/incremental/compare-packages.ts';
import type { IndexJob } from '../../../../src/indexing/index-engine.ts';
import type { PackageGroup } from '../../../../src/indexing/engines/incremental/package-group.ts';
import { indexedPackage, packageGroup } from '../../../support/index-groups.ts';
import { writePackage } from '../../../support/indexed-repository.ts';
import { createTempDir, type TempDir } from '../../../support/temp-dir.ts';

const ALPHA = 'Packages/alpha.rpm';
const BETA = 'Packages/beta.rpm';
const GAMMA = 'Packages/gamma.rpm';
const INDEXED_DIGEST = 'a'.repeat(64);
const OTHER_DIGEST = 'b'.repeat(64);

let dir: TempDir;
beforeEach(async () => {
  dir = await createTempDir();
  for (const location of [ALPHA, BETA, GAMMA])
    await writePackage(join(dir.path, location), Buffer.from(location));
});
afterEach(() => dir.remove());

/** A group of packages as they are on disk now. */
function indexed(...locations: readonly string[]): readonly PackageGroup[] {
  const packages = locations.map((location) => ({
    ...indexedPackage(location, 100),
    identity: identityAt(join(dir.path, location)) ?? '',
  }));
  return [packageGroup(packages)];
}

function compare(
  locations: readonly string[],
  groups: readonly PackageGroup[],
  job: Partial<IndexJob> = {},
): Omit<PackageChanges, 'expected'> & { readonly expectedOnDisk: readonly string[] } {
  const given = {
    repositoryDir: dir.path,
    trust: 'files',
    acknowledged: new Map(),
    setAside: new Map(),
    heldBack: new Set<string>(),
    ...job,
  } as const;
  const { expected, ...changes } = comparePackages(locations, groups, given);
  const expectedOnDisk = [ALPHA, BETA, GAMMA].filter((location) => expected.has(location));
  expect(expected.size).toBe(expectedOnDisk.length);
  return { ...changes, expectedOnDisk };
}

/** The same bytes, another inode. */
async function replace(location: string): Promise<void> {
  const path = join(dir.path, location);
  await writePackage(`${path}.new`, Buffer.from(location));
  await rename(`${path}.new`, path);
}

describe('packages on disk and in the index', () => {
  it('that are the same are no change', () => {
    expect(compare([ALPHA, BETA], indexed(ALPHA, BETA))).toEqual({
      added: [],
      removed: new Set(),
      gone: [],
      readmitted: [],
      expectedOnDisk: [ALPHA, BETA],
    });
  });

  it('differ by what came and what went', () => {
    expect(compare([GAMMA, BETA], indexed(ALPHA, BETA))).toEqual({
      added: [{ location: GAMMA, sha256: undefined }],
      removed: new Set([ALPHA]),
      gone: [ALPHA],
      readmitted: [],
      expectedOnDisk: [BETA, GAMMA],
    });
  });

  it('that are new are in order of location, whatever order the disk has', () => {
    const { added } = compare([GAMMA, ALPHA, BETA], []);
    expect(added.map(({ location }) => location)).toEqual([ALPHA, BETA, GAMMA]);
  });
});

describe('a file that was replaced by hand', () => {
  it('is described anew when files are looked at', async () => {
    const groups = indexed(ALPHA, BETA);
    await replace(ALPHA);
    const { added, removed, gone } = compare([ALPHA, BETA], groups, { trust: 'files' });
    expect(added).toEqual([{ location: ALPHA, sha256: undefined }]);
    expect(removed).toEqual(new Set([ALPHA]));
    expect(gone).toEqual([]);
  });

  it('is described anew when only its mtime differs', async () => {
    const groups = indexed(ALPHA);
    await utimes(join(dir.path, ALPHA), 1, 1);
    expect(compare([ALPHA], groups).removed).toEqual(new Set([ALPHA]));
  });

  it('is not noticed when names are believed', async () => {
    const groups = indexed(ALPHA, BETA);
    await replace(ALPHA);
    expect(compare([ALPHA, BETA], groups, { trust: 'names' })).toMatchObject({
      added: [],
      removed: new Set(),
      expectedOnDisk: [ALPHA, BETA],
    });
  });
});

describe('a package that this service placed', () => {
  it('is described without being read when its digest is known and names are believed', () => {
    const acknowledged = new Map([[BETA, OTHER_DIGEST]]);
    expect(compare([ALPHA, BETA], indexed(ALPHA), { trust: 'names', acknowledged }).added).toEqual([
      { location: BETA, sha256: OTHER_DIGEST, acknowledged: OTHER_DIGEST },
    ]);
  });

  it('is read when files are looked at: its digest may be that of a former file', () => {
    const acknowledged = new Map([[BETA, OTHER_DIGEST]]);
    expect(compare([ALPHA, BETA], indexed(ALPHA), { trust: 'files', acknowledged }).added).toEqual([
      { location: BETA, sha256: undefined, acknowledged: OTHER_DIGEST },
    ]);
  });

  it.each(['names', 'files'] as const)(
    'over one of another digest is described anew, though the file looks the same (trust: %s)',
    (trust) => {
      const acknowledged = new Map([[ALPHA, OTHER_DIGEST]]);
      const { added, removed } = compare([ALPHA, BETA], indexed(ALPHA, BETA), { trust, acknowledged });
      expect(added.map(({ location }) => location)).toEqual([ALPHA]);
      expect(removed).toEqual(new Set([ALPHA]));
    },
  );

  it('and that the index has already is no change', () => {
    const acknowledged = new Map([[ALPHA, INDEXED_DIGEST]]);
    expect(compare([ALPHA], indexed(ALPHA), { trust: 'names', acknowledged })).toMatchObject({
      added: [],
      removed: new Set(),
    });
  });

  it('and that is there no more is gone, and named once when the index had it too', async () => {
    const acknowledged = new Map([
      [ALPHA, INDEXED_DIGEST],
      [BETA, OTHER_DIGEST],
    ]);
    const groups = indexed(ALPHA, GAMMA);
    await rm(join(dir.path, ALPHA));
    const { gone, removed } = compare([GAMMA], groups, { trust: 'names', acknowledged });
    expect(gone.toSorted()).toEqual([ALPHA, BETA]);
    expect(removed).toEqual(new Set([ALPHA]));
  });
});

describe('a package that is set aside', () => {
  const setAside = (...locations: readonly string[]): ReadonlyMap<string, string> =>
    new Map(locations.map((location) => [location, identityAt(join(dir.path, location)) ?? '']));

  it('stays out while its file is the same, and is not expected', () => {
    const changes = compare([ALPHA, BETA], indexed(ALPHA), { setAside: setAside(BETA) });
    expect(changes).toMatchObject({ added: [], removed: new Set(), readmitted: [], expectedOnDisk: [ALPHA] });
  });

  it('leaves the index that has it', () => {
    const changes = compare([ALPHA, BETA], indexed(ALPHA, BETA), { setAside: setAside(BETA) });
    expect(changes).toMatchObject({ added: [], removed: new Set([BETA]), gone: [], expectedOnDisk: [ALPHA] });
  });

  it.each(['names', 'files'] as const)(
    'is tried again when another file is there (trust: %s)',
    async (trust) => {
      const aside = setAside(BETA);
      await replace(BETA);
      const changes = compare([ALPHA, BETA], indexed(ALPHA), { trust, setAside: aside });
      expect(changes).toMatchObject({
        added: [{ location: BETA }],
        readmitted: [BETA],
        expectedOnDisk: [ALPHA, BETA],
      });
    },
  );

  it('is readmitted when it is gone, and is nothing to describe', async () => {
    const aside = setAside(BETA);
    await rm(join(dir.path, BETA));
    const changes = compare([ALPHA], indexed(ALPHA), { setAside: aside });
    expect(changes).toMatchObject({
      added: [],
      removed: new Set(),
      readmitted: [BETA],
      expectedOnDisk: [ALPHA],
    });
  });

  it('is not the same when a link to it took its place', async () => {
    const aside = setAside(BETA);
    await mkdir(join(dir.path, 'elsewhere'));
    await rename(join(dir.path, BETA), join(dir.path, 'elsewhere/beta.rpm'));
    await symlink(join(dir.path, 'elsewhere/beta.rpm'), join(dir.path, BETA));
    expect(compare([ALPHA], indexed(ALPHA), { setAside: aside }).readmitted).toEqual([BETA]);
  });
});
