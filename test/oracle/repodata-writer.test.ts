import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkGroup } from '../../src/rpm/repodata/check-group.ts';
import {
  PACKAGE_METADATA_TYPES,
  type PackageMetadataType,
} from '../../src/rpm/repodata/metadata-envelope.ts';
import type { PackageXml } from '../../src/rpm/repodata/render-package.ts';
import { Tag } from '../../src/rpm/rpm-parser/tag.ts';
import { RpmParseError } from '../../src/rpm/rpm-parser/rpm-parse-error.ts';
import { buildSpec } from '../support/build-spec.ts';
import { countUp } from '../support/count-up.ts';
import { corpus } from '../support/corpus.ts';
import {
  type CraftChangelog,
  type CraftSpec,
  craftRpm,
  i18nTag,
  replaceTags,
  stringArrayTag,
} from '../support/craft-rpm.ts';
import { createrepoXml } from '../support/createrepo-xml.ts';
import { describeMetadata } from '../support/describe-metadata.ts';
import { lacks } from '../support/lacks.ts';
import { randomSpec } from '../support/random-spec.ts';
import { renderFile, writeRepodata } from '../support/render-packages.ts';
import { SPEC_FILES } from '../support/spec-files.ts';
import { sampleRow } from '../support/sample-row.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const RANDOM_PACKAGES = sampleRow(countUp(401), { name: 'random packages', every: 4 });

/** Where we write something else than createrepo_c, on purpose (docs/decisions/0008-repodata-deviations.md). */
const REASONS = {
  noncharacter: 'createrepo_c writes U+FFFE and U+FFFF, which no reader takes; we write U+FFFD',
  illFormed: 'createrepo_c writes surrogates and what lies above U+10FFFF as they are; we write U+FFFD',
  latin1: 'createrepo_c drops bytes 0x80 to 0xBF of text that is no UTF-8; we keep their Latin-1 characters',
  ambiguous:
    'createrepo_c drops a requirement when name, comparison and version run together like those of a provide',
  late: 'createrepo_c does not tell changelog entries of one time apart after 2038',
  language:
    'createrepo_c takes a translated text in the language of its environment; we take that of the C locale',
} as const;

const CORPUS_DEVIATIONS: Readonly<Record<string, keyof typeof REASONS>> = {
  'crafted/20-summary-noncharacter.rpm primary': 'noncharacter',
  'crafted/20-summary-surrogate.rpm primary': 'illFormed',
  'crafted/21-changelog-noncharacter.rpm other': 'noncharacter',
  'crafted/21-dep-noncharacter.rpm primary': 'noncharacter',
  'crafted/21-name-noncharacter.rpm primary': 'noncharacter',
  'crafted/21-name-noncharacter.rpm filelists': 'noncharacter',
  'crafted/21-name-noncharacter.rpm other': 'noncharacter',
  'crafted/21-summary-above-10ffff.rpm primary': 'illFormed',
  'crafted/21-summary-truncated-seq.rpm primary': 'latin1',
  'peers/non_utf_filenames-1.0-1.noarch.rpm filelists': 'latin1',
  'real/pulp+pulp-fixtures/rpm/assets-non-utf-8/rpm-with-non-utf-8-1-1.fc25.noarch.rpm primary': 'latin1',
  'real/rpm-software-management+createrepo_c/tests/testdata/packages/balicek-iso88592-1.1.1-1.x86_64.rpm other':
    'latin1',
  'real/rpm-software-management+createrepo_c/tests/testdata/packages/balicek-iso88592-1.1.1-1.x86_64.rpm primary':
    'latin1',
};

/** The first second that 32 bits with a sign do not hold. */
const LATE_ENTRY: CraftChangelog = { author: 'A', timeSeconds: 2_147_483_648, text: 'x' };

const CRAFTED_DEVIATIONS: Readonly<
  Record<
    string,
    { readonly reason: keyof typeof REASONS; readonly type: PackageMetadataType; readonly spec: CraftSpec }
  >
> = {
  noncharacter: { reason: 'noncharacter', type: 'primary', spec: { summary: 'a\ufffeb\uffff' } },
  illFormed: { reason: 'illFormed', type: 'primary', spec: { summary: Buffer.from('61eda08062', 'hex') } },
  latin1: { reason: 'latin1', type: 'primary', spec: { summary: Buffer.from('caf\xe9 \xa7', 'latin1') } },
  ambiguous: {
    reason: 'ambiguous',
    type: 'primary',
    spec: { dependencies: { provides: [{ name: 'a', flags: 8, evr: '1' }], requires: [{ name: 'aEQ1' }] } },
  },
  late: {
    reason: 'late',
    type: 'other',
    spec: { changelogs: [LATE_ENTRY, LATE_ENTRY] },
  },
  language: {
    reason: 'language',
    type: 'primary',
    spec: {
      editHeader: replaceTags(
        stringArrayTag(Tag.HEADERI18NTABLE, ['C', 'de']),
        i18nTag(Tag.SUMMARY, ['An example', 'Ein Beispiel']),
      ),
    },
  },
};

interface Compared {
  readonly ours: ReadonlyMap<string, PackageXml>;
  readonly theirs: ReadonlyMap<string, PackageXml>;
}

/** Both sides of all packages that createrepo_c and our parser read. */
function compareWriters(packagesDir: string, repositoryDir: string, locale?: string): Compared {
  mkdirSync(repositoryDir, { recursive: true });
  const theirs = createrepoXml(packagesDir, repositoryDir, locale);
  const ours = new Map<string, PackageXml>();
  for (const location of theirs.keys()) {
    try {
      ours.set(location, renderFile(packagesDir, location));
    } catch (error) {
      if (!(error instanceof RpmParseError)) throw error;
    }
  }
  return { ours, theirs };
}

/** `location type` of everything that differs. */
function differences({ ours, theirs }: Compared): readonly string[] {
  return [...ours].flatMap(([location, xml]) =>
    PACKAGE_METADATA_TYPES.filter((type) => xml[type] !== theirs.get(location)?.[type]).map(
      (type) => `${location} ${type}`,
    ),
  );
}

function expectEqualXml({ ours, theirs }: Compared): void {
  for (const [location, xml] of ours) expect(xml).toEqual(theirs.get(location));
}

/** What libsolv has to say; its exit status is 0 in any case. */
async function complaintsOfLibsolv(repositoryDir: string): Promise<readonly string[]> {
  const complaints = [];
  for (const type of PACKAGE_METADATA_TYPES) {
    const input = gunzipSync(await readFile(join(repositoryDir, 'repodata', `${type}.xml.gz`)));
    const { stderr, status } = spawnSync('rpmmd2solv', { input, maxBuffer: 1 << 30 });
    complaints.push(`${status} ${stderr.toString()}`);
  }
  return complaints;
}

const NO_COMPLAINTS = ['0 ', '0 ', '0 '];

describe.skipIf(lacks('the corpus'))('a package of the corpus (needs the corpus)', () => {
  let dir: TempDir;
  let compared: Compared;

  beforeAll(async () => {
    dir = await createTempDir();
    const { ours, theirs } = compareWriters(process.env['RPMYARD_CORPUS'] ?? '', dir.path);
    // Other packages may lie in the folder, of which nothing is known.
    const known = (location: string): boolean => listed.has(location) || /^(foreign|peers)\//.test(location);
    const listed = new Set(corpus?.map(({ name }) => name));
    compared = { ours: new Map([...ours].filter(([location]) => known(location))), theirs };
  });
  afterAll(() => dir.remove());

  it('is written as createrepo_c writes it, but for the deviations we know', () => {
    expect(compared.ours.size).toBeGreaterThan(420);
    expect(differences(compared).toSorted()).toEqual(Object.keys(CORPUS_DEVIATIONS).toSorted());
  });

  it('is written so that a strict parser, libsolv and createrepo_c read it', async () => {
    for (const [location, xml] of compared.ours) {
      for (const type of PACKAGE_METADATA_TYPES) {
        expect([location, checkGroup(type, xml[type]).length]).toEqual([location, 1]);
      }
    }
    await using ours = await createTempDir();
    writeRepodata(ours.path, [...compared.ours.values()]);
    expect(await complaintsOfLibsolv(ours.path)).toEqual(NO_COMPLAINTS);
    const pkgids = new Set([...compared.ours.values()].map(({ other }) => /pkgid="(\w+)"/.exec(other)?.[1]));
    expect(Object.keys(await describeMetadata(ours.path))).toHaveLength(pkgids.size);
  });
});

describe('a package that rpmbuild made', () => {
  let dir: TempDir;
  let packageCount = 0;
  let compared: Compared;

  beforeAll(async () => {
    dir = await createTempDir();
    const packagesDir = join(dir.path, 'packages');
    for (const spec of SPEC_FILES) await buildSpec(spec, packagesDir);
    compared = compareWriters(packagesDir, join(dir.path, 'theirs'));
    packageCount = (await readdir(packagesDir)).length;
  });
  afterAll(() => dir.remove());

  it('is written as createrepo_c writes it', () => {
    expect(packageCount).toBeGreaterThan(30);
    expect(compared.ours.size).toBe(packageCount);
    expectEqualXml(compared);
  });

  it('is understood by libsolv and createrepo_c as what createrepo_c wrote', async () => {
    const ours = join(dir.path, 'ours');
    writeRepodata(ours, [...compared.ours.values()]);
    expect(await complaintsOfLibsolv(ours)).toEqual(NO_COMPLAINTS);
    expect(await describeMetadata(ours)).toEqual(await describeMetadata(join(dir.path, 'theirs')));
  });
});

describe('a crafted package', () => {
  it('of odd combinations is written as createrepo_c writes it', async () => {
    await using dir = await createTempDir();
    const packagesDir = join(dir.path, 'packages');
    mkdirSync(packagesDir);
    for (const seed of RANDOM_PACKAGES) {
      writeFileSync(join(packagesDir, `random-${seed}.rpm`), craftRpm(randomSpec(seed)));
    }
    const compared = compareWriters(packagesDir, join(dir.path, 'theirs'));
    expect(compared.ours.size).toBe(RANDOM_PACKAGES.length);
    expectEqualXml(compared);

    const ours = join(dir.path, 'ours');
    writeRepodata(ours, [...compared.ours.values()]);
    expect(await complaintsOfLibsolv(ours)).toEqual(NO_COMPLAINTS);
    expect(await describeMetadata(ours)).toEqual(await describeMetadata(join(dir.path, 'theirs')));
  });

  it.each(Object.entries(CRAFTED_DEVIATIONS))('differs on purpose: %s', async (_, { type, spec }) => {
    await using dir = await createTempDir();
    const packagesDir = join(dir.path, 'packages');
    mkdirSync(packagesDir);
    writeFileSync(join(packagesDir, 'a.rpm'), craftRpm(spec));
    const compared = compareWriters(packagesDir, join(dir.path, 'theirs'), 'de_DE.UTF-8');
    expect(differences(compared)).toEqual([`a.rpm ${type}`]);
  });

  it('with a control character is written with U+FFFD where createrepo_c leaves it out', async () => {
    await using dir = await createTempDir();
    const packagesDir = join(dir.path, 'packages');
    mkdirSync(packagesDir);
    writeFileSync(join(packagesDir, 'a.rpm'), craftRpm({ summary: 'a\u001bb' }));
    expect(compareWriters(packagesDir, join(dir.path, 'theirs')).theirs.size).toBe(0);
    expect(renderFile(packagesDir, 'a.rpm').primary).toContain('<summary>a\ufffdb</summary>');
  });
});
