import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PackageGroup } from '../../../../src/indexing/engines/incremental/package-group.ts';
import { rebuildGroups } from '../../../../src/indexing/engines/incremental/rebuild-groups.ts';
import type { RebuildPool } from '../../../../src/indexing/engines/incremental/rebuild-steps.ts';
import { PACKAGE_METADATA_TYPES } from '../../../../src/rpm/repodata/metadata-envelope.ts';
import { directoryStamp } from '../../../../src/base/files/file-identity.ts';
import { readPackageNames } from '../../../../src/storage/package-names.ts';
import {
  createIndexedRepository,
  flipMiddleByte,
  type IndexedRepository,
} from '../../../support/indexed-repository.ts';
import { indexedPackage, packageGroup } from '../../../support/index-groups.ts';
import { readerOnDisk, readIndex } from '../../../support/read-index.ts';

const COUNT = 60;

let repository: IndexedRepository;
let locations: string[];

beforeEach(async () => {
  repository = await createIndexedRepository();
  locations = [];
  for (let index = 10; index < 10 + COUNT; index += 1) {
    const files = Array.from({ length: 400 }, (_, file) => ({ path: `/usr/share/p${index}/${file}` }));
    locations.push(await repository.put(`p${index}`, { files }));
  }
});
afterEach(() => repository[Symbol.asyncDispose]());

const read = () => readIndex(readerOnDisk(repository.dir, ''));

async function published(): Promise<readonly string[]> {
  return (await readdir(join(repository.dir, 'repodata'))).toSorted();
}

describe('published metadata that was damaged on disk', () => {
  it.each(PACKAGE_METADATA_TYPES)(
    'in the middle of %s is noticed by the next change, which describes everything again',
    async (type) => {
      await repository.run();
      await flipMiddleByte(await repository.pathOf(type));
      const added = await repository.put('zeta');
      const built = await repository.run({ trust: 'names' });
      expect(built.warnings).toHaveLength(1);
      expect([...built.described.keys()]).toEqual([...locations, added]);
      expect([...(await read()).packages.keys()]).toEqual([...locations, added]);
    },
  );

  it.each(PACKAGE_METADATA_TYPES)('in %s is noticed too when its group is rebuilt', async (type) => {
    await repository.run();
    await flipMiddleByte(await repository.pathOf(type));
    for (const location of locations.splice(0, COUNT, ...locations.filter((_, index) => index % 3 > 0))) {
      if (!locations.includes(location)) await rm(join(repository.dir, location));
    }
    const built = await repository.run();
    expect([...built.described.keys()]).toEqual(locations);
    expect([...(await read()).packages.keys()]).toEqual(locations);
  });

  it.each(PACKAGE_METADATA_TYPES)(
    'by cutting %s is noticed, also when nothing else changed',
    async (type) => {
      await repository.run();
      const path = await repository.pathOf(type);
      await writeFile(path, 'short');
      const built = await repository.run({ trust: 'names' });
      expect(built.described.size).toBe(COUNT);
      expect([...(await read()).packages.keys()]).toEqual(locations);
    },
  );
});

describe('metadata of a run that found damage and began again', () => {
  it('is not published beside that of the one that succeeded', async () => {
    await repository.run();
    await flipMiddleByte(await repository.pathOf('primary'));
    const before = await published();
    await repository.put('zeta');
    await repository.run();
    const named = (await read()).repomdXml;
    const added = (await published()).filter((name) => !before.includes(name) && !name.startsWith('@'));
    expect(added.filter((name) => !named.includes(name))).toEqual([]);
    expect(added.length).toBeGreaterThan(0);
  });
});

describe('a run', () => {
  it('that changes nothing publishes nothing', async () => {
    await repository.run();
    const before = await published();
    expect(await repository.run()).toMatchObject({ isNew: false, packageCount: COUNT });
    repository.restart();
    expect(await repository.run({ trust: 'names' })).toMatchObject({ isNew: false, packageCount: COUNT });
    expect(await published()).toEqual(before);
  });

  it('that changes nothing publishes all the same when something else is to be published', async () => {
    await repository.run();
    const before = (await read()).repomdXml;
    expect(await repository.run({ isPublicationWanted: true })).toMatchObject({ isNew: true });
    const after = await read();
    expect(after.repomdXml).not.toBe(before);
    expect([...after.packages.keys()]).toEqual(locations);
  });

  it('after one that changed the format changes it back, and both hold the same text', async () => {
    await repository.run();
    const before = await Promise.all(PACKAGE_METADATA_TYPES.map((type) => repository.textOf(type)));
    expect(await repository.run({ format: 'zstd' })).toMatchObject({ isNew: true, packageCount: COUNT });
    expect(await repository.pathOf('primary')).toMatch(/\.zst$/);
    expect(await Promise.all(PACKAGE_METADATA_TYPES.map((type) => repository.textOf(type)))).toEqual(before);
    const again = await repository.run();
    expect(again.described.size).toBe(0);
    expect(await Promise.all(PACKAGE_METADATA_TYPES.map((type) => repository.textOf(type)))).toEqual(before);
  });

  it('of a repository that lost all its packages publishes an empty index', async () => {
    await repository.run();
    await rm(join(repository.dir, 'Packages'), { recursive: true });
    expect(await repository.run()).toMatchObject({ isNew: true, packageCount: 0, gone: locations });
    expect((await read()).packages.size).toBe(0);
    expect(await repository.run()).toMatchObject({ isNew: false, packageCount: 0 });
  });
});

describe('a run after packages were placed', () => {
  it('does not read the names of all others, and one that changes nothing neither', async () => {
    await repository.run();
    const reads = repository.nameReads();
    for (const name of ['aaa', 'p30a', 'zeta']) {
      const built = await repository.run(await repository.place(name));
      expect([...built.described.keys()]).toEqual([`Packages/${name}.rpm`]);
    }
    expect(await repository.locations()).toEqual(
      ['aaa', 'p30a', 'zeta']
        .map((name) => `Packages/${name}.rpm`)
        .concat(locations)
        .toSorted(),
    );
    expect(await repository.run({ trust: 'names' })).toMatchObject({ isNew: false, packageCount: COUNT + 3 });
    expect(repository.nameReads()).toBe(reads);
  });

  it('describes one anew that was acknowledged with other bytes than the index has', async () => {
    await repository.run();
    const reads = repository.nameReads();
    const [location = ''] = locations;
    const acknowledged = new Map([[location, 'f'.repeat(64)]]);
    const built = await repository.run({ trust: 'names', acknowledged });
    expect([...built.described]).toEqual([...acknowledged]);
    expect(await repository.locations()).toEqual(locations);
    expect(repository.nameReads()).toBe(reads);
  });

  it.each([
    [
      'was put beside them by hand',
      async () => void (await repository.put('by-hand')),
      ['Packages/by-hand.rpm'],
    ],
    [
      'was put into a new folder by hand',
      async () => void (await repository.put('by-hand', {}, 'Packages/new/by-hand.rpm')),
      ['Packages/new/by-hand.rpm'],
    ],
    [
      'was put into the directory of the repository by hand',
      async () => void (await repository.put('by-hand', {}, 'by-hand.rpm')),
      ['by-hand.rpm'],
    ],
    ['was removed by hand', () => rm(join(repository.dir, 'Packages/p20.rpm')), []],
  ])('finds that one %s, before or after', async (_, change, found) => {
    await repository.run();
    await change();
    const before = await repository.run(await repository.place('placed'));
    expect([...before.described.keys()].toSorted()).toEqual([...found, 'Packages/placed.rpm'].toSorted());
    const onDisk = (await readPackageNames(repository.dir)).locations.toSorted();
    expect(await repository.locations()).toEqual(onDisk);

    await rm(join(repository.dir, found[0] ?? 'Packages/p21.rpm'));
    const again = await repository.place('again');
    await rm(join(repository.dir, 'Packages/p22.rpm'));
    const after = await repository.run(again);
    expect([...after.gone].toSorted()).toEqual(
      [found[0] ?? 'Packages/p21.rpm', 'Packages/p22.rpm'].toSorted(),
    );
    expect(await repository.locations()).toEqual(
      (await readPackageNames(repository.dir)).locations.toSorted(),
    );
  });

  it('finds what was put beside them within the same tick of the clock, by counting', async () => {
    await repository.run();
    const { steps, ...job } = await repository.place('placed');
    await repository.put('by-hand');
    // As a kernel stamps it that does not tell the two apart.
    const after = directoryStamp(join(repository.dir, 'Packages'));
    const built = await repository.run({ ...job, steps: steps.map((step) => ({ ...step, after })) });
    expect([...built.described.keys()]).toEqual(['Packages/by-hand.rpm', 'Packages/placed.rpm']);
  });

  it('reads all names when a package is set aside', async () => {
    await repository.run();
    const reads = repository.nameReads();
    const setAside = new Map([['Packages/other.rpm', '1-1-1']]);
    await repository.run({ ...(await repository.place('placed')), setAside });
    expect(repository.nameReads()).toBe(reads + 1);
  });
});

describe('groups that are not what was asked for', () => {
  // Above the size that is rebuilt without threads.
  const MANY = 300;

  it.each<[string, (groups: readonly PackageGroup[]) => readonly PackageGroup[]]>([
    [
      'lack a package',
      ([first, ...others]) => (first ? [{ ...first, packages: first.packages.slice(1) }, ...others] : []),
    ],
    ['have a package twice', ([first, ...others]) => (first ? [first, first, ...others] : [])],
    [
      'have a package that was not asked for in the place of another',
      (groups) => {
        const last = groups.at(-1)?.packages ?? [];
        return [...groups.slice(0, -1), packageGroup([...last.slice(0, -1), indexedPackage('zzz.rpm', 300)])];
      },
    ],
    [
      'are not in order of location',
      ([first, ...others]) => (first ? [{ ...first, packages: first.packages.toReversed() }, ...others] : []),
    ],
  ])('because they %s, are not published', async (_, spoil) => {
    const pool: RebuildPool = {
      run: async (job) => {
        const rebuilt = rebuildGroups(job);
        return { ...rebuilt, groups: spoil(rebuilt.groups) };
      },
      close: async () => undefined,
    };
    await using spoiled = await createIndexedRepository(pool);
    for (let index = 0; index < MANY; index += 1) await spoiled.put(`p${index}`);
    await expect(spoiled.run()).rejects.toMatchObject({ code: 'INDEX_FAILED' });
    await expect(readdir(join(spoiled.dir, 'repodata'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('are as they should be when nothing spoils them', async () => {
    const pool: RebuildPool = { run: async (job) => rebuildGroups(job), close: async () => undefined };
    await using sound = await createIndexedRepository(pool);
    for (let index = 0; index < MANY; index += 1) await sound.put(`p${index}`);
    expect((await sound.run()).packageCount).toBe(MANY);
  });
});
