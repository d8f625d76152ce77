import { copyFile, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reuseMetadata } from '../../../src/indexing/metadata/reuse-metadata.ts';
import { readRepomd } from '../../../src/storage/read-repomd.ts';
import { PACKAGE_METADATA_TYPES } from '../../../src/rpm/repodata/metadata-envelope.ts';
import { craftRpm } from '../../support/craft-rpm.ts';
import {
  createIndexedRepository,
  flipMiddleByte,
  garble,
  type IndexedRepository,
} from '../../support/indexed-repository.ts';
import {
  modifyRepo,
  recompressWithZstd,
  rewriteMetadata,
  runCreaterepo,
} from '../../support/run-createrepo.ts';

const NAMES = ['alpha', 'beta', 'gamma', 'delta', 'epsilon'] as const;

let repository: IndexedRepository;
let locations: string[];

beforeEach(async () => {
  repository = await createIndexedRepository();
  locations = [];
  for (const name of NAMES) {
    const files = Array.from({ length: 20 }, (_, number) => ({
      path: `/usr/share/${name}/${number} & more`,
    }));
    const changelogs = [{ author: `${name} <a@example.com>`, timeSeconds: 1_600_000_000, text: '- <first>' }];
    locations.push(await repository.put(name, { files, changelogs, summary: `Ünïcode <${name}>` }));
  }
  locations.sort();
});
afterEach(() => repository[Symbol.asyncDispose]());

/** Whatever of these files is read again is left out, so what stays in the index was not read. */
async function garbleAll(): Promise<void> {
  for (const location of locations) await garble(join(repository.dir, location));
}

async function texts(): Promise<readonly string[]> {
  return Promise.all(PACKAGE_METADATA_TYPES.map((type) => repository.textOf(type)));
}

/** Elements in order of location, whatever order the writer had. */
function elementsOf(text: string): readonly string[] {
  return (text.match(/<package [^]*?<\/package>/g) ?? []).toSorted();
}

describe('metadata of createrepo_c', () => {
  it.each([
    ['with gzip', async () => runCreaterepo(repository.dir)],
    ['with xz', async () => runCreaterepo(repository.dir, '--general-compress-type=xz', '--xz')],
    ['with bzip2', async () => runCreaterepo(repository.dir, '--general-compress-type=bz2')],
    [
      'with zstd',
      async () => {
        await runCreaterepo(repository.dir);
        await recompressWithZstd(repository.dir);
      },
    ],
    ['with names without checksums', async () => runCreaterepo(repository.dir, '--simple-md-filenames')],
    ['with databases', async () => runCreaterepo(repository.dir, '--database')],
  ])('%s is taken over without a look into the packages', async (_, createrepo) => {
    await createrepo();
    const before = await texts();
    await garbleAll();
    const built = await repository.run();
    expect(built).toMatchObject({ isNew: true, packageCount: NAMES.length, leftOut: [], warnings: [] });
    expect(built.described.size).toBe(0);
    expect(await repository.locations()).toEqual(locations);
    const after = await texts();
    for (const [index, text] of after.entries()) {
      expect(elementsOf(text)).toEqual(elementsOf(before[index] ?? ''));
    }
  });

  it('is taken over but for packages with a dependency that hosts crash on, which are left out', async () => {
    const requires = [{ name: `${'('.repeat(1000)}a${')'.repeat(1000)}` }];
    const deep = await repository.put('deep', { dependencies: { requires } });
    await runCreaterepo(repository.dir);
    await garbleAll();
    const built = await repository.run();
    expect(built.leftOut).toMatchObject([{ location: deep, reason: expect.stringMatching(/^REQUIRENAME /) }]);
    expect(await repository.locations()).toEqual(locations);
  });

  it('would be noticed if it were read: garbage is left out', async () => {
    await garbleAll();
    const built = await repository.run();
    expect(built.leftOut.map(({ location }) => location)).toEqual(locations);
  });

  it('is taken over but for the packages that have another size or mtime since', async () => {
    await runCreaterepo(repository.dir);
    await garbleAll();
    const [first = '', second = '', third = ''] = locations;
    await writeFile(join(repository.dir, first), craftRpm({ name: 'longer', summary: 'x'.repeat(10_000) }));
    const { size, mtimeMs } = await stat(join(repository.dir, second));
    await utimes(join(repository.dir, second), 1, mtimeMs / 1000 + 1);
    await rm(join(repository.dir, third));
    const added = await repository.put('zeta');
    const built = await repository.run();
    expect([...built.described.keys()]).toEqual([first, added]);
    expect(built.leftOut.map(({ location }) => location)).toEqual([second]);
    expect(size).toBeGreaterThan(0);
    expect(await repository.locations()).toEqual([first, ...locations.slice(3), added].toSorted());
  });

  it('is taken over with the databases left behind and the data of others carried along', async () => {
    const inputs = { group: '<comps/>', updateinfo: '<updates/>', modules: '---\n' };
    await runCreaterepo(repository.dir, '--database');
    for (const [type, text] of Object.entries(inputs)) {
      const path = join(repository.workDir, `${type}.xml`);
      await writeFile(path, text);
      await modifyRepo(repository.dir, type, path);
    }
    const before = await readRepomd(repository.dir);
    await garbleAll();
    await repository.run();
    const after = await readRepomd(repository.dir);
    const carriedOf = (data: typeof before): readonly string[] =>
      (data?.repomd.data ?? []).filter(({ type }) => type in inputs).map(({ xml }) => xml);
    expect(carriedOf(after)).toEqual(carriedOf(before));
    expect(carriedOf(after).length).toBeGreaterThanOrEqual(3);
    expect(after?.repomd.data.map(({ type }) => type)).not.toContain('primary_db');
    expect(await repository.locations()).toEqual(locations);
    for (const [type, text] of Object.entries(inputs)) {
      const path = await repository.pathOf(type);
      const bytes = await readFile(path);
      expect((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()).toBe(text);
    }
  });

  it('of our own is taken over when the state was lost, and comes out byte for byte as before', async () => {
    await repository.run();
    const before = await texts();
    await garbleAll();
    await repository.dropState();
    const built = await repository.run();
    expect(built).toMatchObject({ isNew: true, packageCount: NAMES.length, leftOut: [] });
    expect(await texts()).toEqual(before);
  });

  it('that has one package at two places gives both of them', async () => {
    const copy = join(repository.dir, 'Packages/copies/alpha.rpm');
    await repository.put('alpha', {}, 'Packages/copies/alpha.rpm');
    await copyFile(join(repository.dir, locations[0] ?? ''), copy);
    await runCreaterepo(repository.dir);
    const built = await repository.run();
    expect(built).toMatchObject({ packageCount: NAMES.length + 1, leftOut: [] });
    expect(await repository.locations()).toEqual([...locations, 'Packages/copies/alpha.rpm'].toSorted());
  });
});

describe('metadata that is in doubt', () => {
  beforeEach(() => runCreaterepo(repository.dir));

  async function expectEverythingDescribed(): Promise<void> {
    const built = await repository.run();
    expect([...built.described.keys()]).toEqual(locations);
    expect(await repository.locations()).toEqual(locations);
  }

  const rewriteText = (rewrite: (text: string, type: string) => string): Promise<void> =>
    rewriteMetadata(repository.dir, '.gz', (bytes, type) =>
      gzipSync(Buffer.from(rewrite(gunzipSync(bytes).toString(), type))),
    );

  it('because nothing is wrong with it, is taken over (so that the others can fail)', async () => {
    await rewriteText((text) => text);
    await garbleAll();
    expect((await repository.run()).packageCount).toBe(NAMES.length);
  });

  it.each(PACKAGE_METADATA_TYPES)('because a byte of %s differs, is not believed', async (type) => {
    await flipMiddleByte(await repository.pathOf(type));
    await expectEverythingDescribed();
  });

  it.each(PACKAGE_METADATA_TYPES)(
    'because %s is sound but not the one that repomd.xml means, is not believed',
    async (type) => {
      const path = await repository.pathOf(type);
      const text = gunzipSync(await readFile(path)).toString();
      await writeFile(path, gzipSync(Buffer.from(text.replaceAll('beta', 'atbe'))));
      await expectEverythingDescribed();
    },
  );

  it.each(PACKAGE_METADATA_TYPES)('because %s is missing, is not believed', async (type) => {
    await rm(await repository.pathOf(type));
    await expectEverythingDescribed();
  });

  it('because repomd.xml has another checksum type, is not believed', async () => {
    await runCreaterepo(repository.dir, '--checksum=sha512');
    await expectEverythingDescribed();
  });

  it('because packages are identified by another checksum, is not believed', async () => {
    // createrepo_c uses one checksum type for both: here only that of the packages is another.
    await rewriteText((text) =>
      text.replace(/(pkgid="|pkgid="YES">)([0-9a-f]{64})/g, (_, a, hex) => `${a}${hex.slice(0, 40)}`),
    );
    await expectEverythingDescribed();
  });

  it('because repomd.xml is cut, is not believed', async () => {
    const path = join(repository.dir, 'repodata/repomd.xml');
    const xml = await readFile(path, 'utf8');
    await writeFile(path, xml.slice(0, xml.length / 2));
    await expectEverythingDescribed();
  });

  it('because it describes the same packages without end, takes each over once', async () => {
    const before = (await texts()).map((text) => text.length);
    await rewriteText((text) =>
      text.replace(/<package [^]*?<\/package>\n/, (element) =>
        [
          element.repeat(1000),
          element.replaceAll('href="Packages/', 'href="Packages/../Packages/'),
          element.replaceAll('href="Packages/', 'href="Packages/none-'),
          element.replace(/[0-9a-f]{64}/, 'f'.repeat(64)),
        ].join(''),
      ),
    );
    const published = (await readRepomd(repository.dir))?.repomd;
    if (published === undefined) throw new Error('there is no repomd.xml');
    const { groups } = await reuseMetadata(repository.dir, published, repository.workDir);
    expect(groups.map(({ packages }) => packages[0]?.location)).toEqual(locations);
    for (const [index, type] of PACKAGE_METADATA_TYPES.entries()) {
      const { size } = await stat(join(repository.workDir, `adopted-${type}`));
      expect(size).toBeLessThan(2 * (before[index] ?? 0));
    }
  });

  it('because a root element declares other prefixes, is not believed', async () => {
    await rewriteText((text, type) =>
      type === 'primary'
        ? text.replaceAll('rpm:', 'r:').replace('xmlns:rpm=', 'xmlns:r=').replace('<metadata', '<metadata ')
        : text,
    );
    await expectEverythingDescribed();
  });

  it('because its packages lie elsewhere, is not believed', async () => {
    await rewriteText((text) => text.replaceAll('<location ', '<location xml:base="http://example.com/" '));
    await expectEverythingDescribed();
  });

  it.each(['filelists', 'other'])('because %s lacks a package, has that one described', async (lacking) => {
    await rewriteText((text, type) =>
      type === lacking ? text.replace(/<package [^>]*name="beta"[^]*?<\/package>\n/, '') : text,
    );
    const built = await repository.run();
    expect([...built.described.keys()]).toEqual(['Packages/beta.rpm']);
    expect(await repository.locations()).toEqual(locations);
    for (const text of await texts()) expect(elementsOf(text)).toHaveLength(NAMES.length);
  });

  it('because a text is at fault in a way that only a strict parser sees, has that package described', async () => {
    await rewriteText((text, type) =>
      type === 'other' ? text.replace(/<changelog [^>]*beta/, '<!-- by hand -->$&') : text,
    );
    await repository.put('zeta');
    const built = await repository.run();
    expect([...built.described.keys()]).toEqual(['Packages/beta.rpm', 'Packages/zeta.rpm']);
    expect(await repository.locations()).toEqual([...locations, 'Packages/zeta.rpm']);
    expect(await repository.textOf('other')).not.toContain('<!--');
  });

  it('because a text is at fault and its package cannot be described either, goes on without that package', async () => {
    await rewriteText((text, type) =>
      type === 'other' ? text.replace(/<changelog [^>]*beta/, '<!-- by hand -->$&') : text,
    );
    await garble(join(repository.dir, 'Packages/beta.rpm'));
    const built = await repository.run();
    expect(built.leftOut).toMatchObject([{ location: 'Packages/beta.rpm' }]);
    expect(await repository.locations()).toEqual(locations.filter((location) => !location.includes('beta')));
  });

  it.each([
    ['a character that XML forbids', Buffer.from('a\ufffeb')],
    ['bytes that are no UTF-8', Buffer.from('61ff62', 'hex')],
  ])('because other holds %s, has that package described, and no reader meets them', async (_, bad) => {
    await rewriteMetadata(repository.dir, '.gz', (bytes, type) => {
      if (type !== 'other') return bytes;
      const text = gunzipSync(bytes).toString('latin1');
      const author = /beta <a@example.com>|beta &lt;a@example.com&gt;/;
      expect(text).toMatch(author);
      return gzipSync(Buffer.from(text.replace(author, bad.toString('latin1')), 'latin1'));
    });
    const built = await repository.run();
    expect([...built.described.keys()]).toEqual(['Packages/beta.rpm']);
    expect(await repository.textOf('other')).toContain('beta &lt;a@example.com&gt;');
    expect(await repository.locations()).toEqual(locations);
  });
});

it('garbage keeps size, inode and mtime, on which these tests rest', async () => {
  const path = join(repository.dir, locations[0] ?? '');
  const before = await stat(path);
  await garble(path);
  const after = await stat(path);
  expect([after.size, after.ino, Math.floor(after.mtimeMs / 1000)]).toEqual([
    before.size,
    before.ino,
    Math.floor(before.mtimeMs / 1000),
  ]);
  expect((await readFile(path)).toString('latin1')).toMatch(/^garbage /);
  expect(dirname(path)).toBe(join(repository.dir, 'Packages'));
});
