import { appendFile, readFile, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openMetadata } from '../../src/base/unpack/open-metadata.ts';
import { type Violation, VIOLATION_CODES } from '../../src/indexing/violation.ts';
import { verifyRepository } from '../../src/indexing/verify-repository.ts';
import { FAULTS } from './verify/faults.ts';
import { AS_INDEXED, REPOSITORY, sha256, VerifySite } from './verify/verify-site.ts';

// Planted in other tests: they are not about the state of a repository.
const ELSEWHERE = [
  'CHANGED_DURING_CHECK',
  'INDEX_RUN_FAILING',
  'LEFTOVER',
  'MARK_WAITING',
  'MARK_WITHOUT_RUN',
];

const codesOf = ({ violations }: { readonly violations: readonly Violation[] }): readonly string[] =>
  violations.map(({ code }) => code);

describe('a sound repository', () => {
  it.each([
    ['as an index run writes it', AS_INDEXED],
    ['with SQLite databases in bzip2', ['--database']],
    ['compressed by xz', ['--no-database', '--general-compress-type=xz', '--compress-type=xz']],
    ['with checksums of another type', ['--checksum=sha512', '--no-database']],
  ])('has no violation: %s', async (_, createrepoOptions) => {
    await using site = await VerifySite.create(createrepoOptions);
    const report = await site.verify({ readData: true });
    expect(report).toEqual({ repository: REPOSITORY, packageCount: 3, indexedCount: 3, violations: [] });
  });

  it('may hold former metadata and signatures', async () => {
    await using site = await VerifySite.create();
    await site.write(`repodata/${sha256('')}-primary.xml.gz`, 'former');
    await site.write('repodata/repomd.xml.asc', 'signature');
    expect(codesOf(await site.verify())).toEqual([]);
  });

  it('may hold generations and lead to them', async () => {
    await using site = await VerifySite.create();
    const repomd = await readFile(site.path('repodata/repomd.xml'), 'utf8');
    for (const directory of ['repodata', 'repodata/@7']) {
      await site.write(`${directory}/repomd.xml`, repomd);
      await site.write(`${directory}/repomd.xml.asc`, 'good');
      await site.write(`${directory}/repomd.xml.key`, 'key');
    }
    await site.write('mirrorlist', 'http://repo.example.com/repo/9/x86_64/@7/\n');
    site.findSigningKey = async (_content, signature) => (signature === 'good' ? 'KEY' : undefined);
    expect(codesOf(await site.verify({ readData: true }))).toEqual([]);
  });

  it('may have an index that names its packages with a dot before', async () => {
    await using site = await VerifySite.create();
    await site.editMetadata('primary', (xml) => xml.replaceAll('href="Packages/', 'href="./Packages/'));
    expect(codesOf(await site.verify())).toEqual([]);
  });

  it('is not changed', async () => {
    await using site = await VerifySite.create();
    const before = await site.snapshot();
    await site.verify({ readData: true });
    expect(await site.snapshot()).toBe(before);
  });
});

describe('a fault', () => {
  it.each(FAULTS.map((fault) => [fault.code, fault.title, fault] as const))(
    'is found as %s: %s',
    async (code, _, fault) => {
      await using site = await VerifySite.create();
      await fault.plant(site);
      const { violations } = await site.verify({ readData: fault.readData === true });
      expect(violations).toMatchObject([{ code, repository: REPOSITORY, ...VIOLATION_CODES[code] }]);
    },
  );

  it('in the empty index of another program is that it lacks a package, not that the package is held back', async () => {
    await using site = await VerifySite.create();
    const locations = ['alpha', 'beta', 'gamma'].map((name) => `Packages/${name}-1.0-1.el9.x86_64.rpm`);
    for (const location of locations) await rm(site.path(location));
    await site.index();
    await site.records.forget(REPOSITORY, locations, Date.now());
    site.isOwnIndex = false;
    await site.put('delta');
    expect(codesOf(await site.verify())).toEqual(['INDEX_LACKS_PACKAGE']);
  });

  it('of every code is planted', () => {
    const planted = new Set<string>([...ELSEWHERE, ...FAULTS.map(({ code }) => code)]);
    expect([...planted].toSorted()).toEqual(Object.keys(VIOLATION_CODES).toSorted());
  });

  it('has the name of the file as it is, so that it can be mended', async () => {
    await using site = await VerifySite.create();
    await site.write('Packages/\u001b[2J.txt', '');
    expect((await site.verify()).violations).toMatchObject([{ subject: 'Packages/\u001b[2J.txt' }]);
  });
});

describe('several faults', () => {
  it('are all found', async () => {
    await using site = await VerifySite.create();
    await site.put('delta');
    await site.damage('Packages/alpha-1.0-1.el9.x86_64.rpm');
    await site.damage((await site.data('other')).href);
    const found = codesOf(await site.verify({ readData: true }));
    expect(found.toSorted()).toEqual(['INDEX_LACKS_PACKAGE', 'METADATA_CHECKSUM_WRONG', 'PACKAGE_DAMAGED']);
  });

  it('of a package that waits for the index are found by its receipt, and said once', async () => {
    await using site = await VerifySite.create();
    for (const name of ['delta', 'epsilon']) {
      const location = await site.put(name);
      await site.acknowledge(location);
      if (name === 'delta') await site.damage(location);
      else await appendFile(site.path(location), '\n');
    }
    site.isMarked = true;
    expect(codesOf(await site.verify({ readData: true })).toSorted()).toEqual([
      'PACKAGE_DAMAGED',
      'PACKAGE_DAMAGED',
    ]);
  });

  it('of an acknowledged package are found by its receipt when the index has another type of digest', async () => {
    await using site = await VerifySite.create(['--checksum=sha512', '--no-database']);
    const alpha = 'Packages/alpha-1.0-1.el9.x86_64.rpm';
    const receipt = await site.records.receiptAt(REPOSITORY, alpha);
    if (receipt === undefined) throw new Error('expected a receipt');
    await site.records.saveReceipts([{ ...receipt, sha256: sha256('') }]);
    expect(codesOf(await site.verify())).toEqual([]);
    expect(codesOf(await site.verify({ readData: true }))).toEqual(['PACKAGE_DAMAGED']);
  });

  it('of an acknowledged package are found by its receipt when there is no index', async () => {
    await using site = await VerifySite.create();
    await site.damage('Packages/alpha-1.0-1.el9.x86_64.rpm');
    await site.damage((await site.data('primary')).href);
    expect(codesOf(await site.verify({ readData: true }))).toEqual([
      'METADATA_CHECKSUM_WRONG',
      'PACKAGE_DAMAGED',
    ]);
  });
});

describe('an index that is published during the check', () => {
  /** Verifies while `publish` runs each time that metadata is opened. */
  async function verifyWhile(site: VerifySite, publish: () => Promise<void>): Promise<readonly string[]> {
    const parts = {
      ...(await site.parts()),
      openMetadata: async function* (path: string): AsyncGenerator<Uint8Array> {
        await publish();
        yield* openMetadata(path);
      },
    };
    return codesOf(await verifyRepository(REPOSITORY, parts, { readData: false }));
  }

  it('is checked in the place of the former one', async () => {
    await using site = await VerifySite.create();
    const forgotten = await site.data('other');
    await site.editRepomd((xml) => xml.replace(forgotten.xml, ''));
    let isPublished = false;
    const found = await verifyWhile(site, async () => {
      if (isPublished) return;
      isPublished = true;
      await site.editRepomd((xml) => xml.replace('</repomd>', `${forgotten.xml}</repomd>`));
    });
    expect(found).toEqual([]);
  });

  it('each time is said', async () => {
    await using site = await VerifySite.create();
    const found = await verifyWhile(site, () => appendFile(site.path('repodata/repomd.xml'), '\n'));
    expect(found).toEqual(['CHANGED_DURING_CHECK']);
  });

  it('ends with the signal', async () => {
    await using site = await VerifySite.create();
    const reason = new Error('stopping');
    const signal = AbortSignal.abort(reason);
    const verified = verifyRepository(REPOSITORY, await site.parts(), { readData: true, signal });
    await expect(verified).rejects.toBe(reason);
  });
});
