import type { RepositoryName } from '../../src/rpm/repository-name.ts';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalPublications } from '../../src/storage/local/local-publications.ts';
import { SqliteRecords } from '../../src/storage/local/sqlite-records.ts';
import { createTidying } from '../../src/indexing/tidy-repository.ts';
import { plainLayout } from '../support/index-engines.ts';
import { writeRepodata } from '../support/render-packages.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const REPOSITORY = repo('9/x86_64');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const OLD_FILE = `${'a'.repeat(64)}-primary.xml.gz`;
const OTHER_FILE = `${'b'.repeat(64)}-other.xml.gz`;

let root: TempDir;
let records: SqliteRecords;
let nowMs: number;
let uptimeMs: number;
let warnings: object[];
let tidy: (repository: RepositoryName) => Promise<void>;

const repodataDir = (repository = REPOSITORY): string => join(root.path, 'storage', repository, 'repodata');

beforeEach(async () => {
  root = await createTempDir();
  await mkdir(join(root.path, 'state'));
  records = new SqliteRecords(join(root.path, 'state'));
  nowMs = Date.UTC(2026, 0, 1);
  uptimeMs = 0;
  warnings = [];
  const publications = new LocalPublications({
    layout: plainLayout(join(root.path, 'storage')),
    scratchRoot: join(root.path, 'state', 'scratch'),
    records,
    now: () => nowMs,
    uptimeMs: () => uptimeMs,
    onLeftover: (path) => void warnings.push({ path }),
  });
  tidy = createTidying(
    publications,
    { keepOldMs: 2 * HOUR_MS, keepOldBytes: 1_000_000 },
    {
      info: () => undefined,
      warn: (facts) => void warnings.push(facts),
      error: (facts) => void warnings.push(facts),
    },
  );
  writeRepodata(join(root.path, 'storage', REPOSITORY), []);
  await writeFile(join(repodataDir(), OLD_FILE), 'superseded');
});
afterEach(async () => {
  await records.close();
  await root.remove();
});

async function tidyAfter(ms: number): Promise<void> {
  nowMs += ms;
  uptimeMs += ms;
  await tidy(REPOSITORY);
}

describe('tidying a repository', () => {
  it('removes superseded metadata when its time is over, and neither before nor anything else', async () => {
    await tidy(REPOSITORY);
    const before = await readdir(repodataDir());
    await tidyAfter(2 * HOUR_MS);
    expect(await readdir(repodataDir())).toEqual(before);
    await tidyAfter(MINUTE_MS);
    expect((await readdir(repodataDir())).toSorted()).toEqual(
      before.filter((name) => name !== OLD_FILE).toSorted(),
    );
    expect(await records.listSuperseded(REPOSITORY)).toEqual([]);
  });

  it('removes former metadata without a checksum in its name: that of packages, and what was noted', async () => {
    const former = ['primary.xml.zst', 'other.sqlite.bz2', 'comps.xml'];
    const others = ['notes.txt', 'updateinfo.xml'];
    for (const name of [...former, ...others]) await writeFile(join(repodataDir(), name), name);
    await records.noteSuperseded(REPOSITORY, [{ fileName: 'comps.xml', sinceMs: nowMs }]);
    await tidy(REPOSITORY);
    await tidyAfter(2 * HOUR_MS);
    expect(await readdir(repodataDir())).toEqual(expect.arrayContaining([...former, ...others]));
    await tidyAfter(MINUTE_MS);
    const left = await readdir(repodataDir());
    expect(left).toEqual(expect.arrayContaining(others));
    expect(left.filter((name) => former.includes(name))).toEqual([]);
  });

  it('remembers since when a file is superseded, over a start of the service', async () => {
    await tidy(REPOSITORY);
    const sinceMs = nowMs;
    await tidyAfter(HOUR_MS);
    expect(await records.listSuperseded(REPOSITORY)).toEqual([{ fileName: OLD_FILE, sinceMs }]);
  });

  it('looks at the directory once a minute, however many runs there are', async () => {
    await tidy(REPOSITORY);
    await writeFile(join(repodataDir(), OTHER_FILE), 'superseded too');
    await tidyAfter(MINUTE_MS - 1);
    expect(await records.listSuperseded(REPOSITORY)).toHaveLength(1);
    await tidyAfter(1);
    expect(await records.listSuperseded(REPOSITORY)).toHaveLength(2);
  });

  it('is not put off by a clock that was set back', async () => {
    await tidy(REPOSITORY);
    await writeFile(join(repodataDir(), OTHER_FILE), 'superseded too');
    nowMs -= 24 * HOUR_MS;
    await tidyAfter(MINUTE_MS);
    expect(await records.listSuperseded(REPOSITORY)).toHaveLength(2);
  });

  it.each([-24, 24])(
    'removes nothing early or late when the clock is %d hours off for a while',
    async (hours) => {
      await tidy(REPOSITORY);
      nowMs += hours * HOUR_MS;
      await tidyAfter(10 * MINUTE_MS);
      await writeFile(join(repodataDir(), OTHER_FILE), 'superseded too');
      await tidyAfter(10 * MINUTE_MS);
      nowMs -= hours * HOUR_MS;
      await tidyAfter(10 * MINUTE_MS);
      expect(await readdir(repodataDir())).toEqual(expect.arrayContaining([OLD_FILE, OTHER_FILE]));
      await tidyAfter(2 * HOUR_MS - 25 * MINUTE_MS);
      expect(await readdir(repodataDir())).not.toContain(OLD_FILE);
      expect(await readdir(repodataDir())).toContain(OTHER_FILE);
    },
  );

  it('does it for each repository on its own', async () => {
    await tidy(REPOSITORY);
    writeRepodata(join(root.path, 'storage', '9/aarch64'), []);
    await writeFile(join(repodataDir(repo('9/aarch64')), OTHER_FILE), 'superseded');
    await tidy(repo('9/aarch64'));
    expect(await records.listSuperseded(repo('9/aarch64'))).toHaveLength(1);
  });

  it('removes nothing while repomd.xml cannot be read: any file may be one that it names', async () => {
    await tidy(REPOSITORY);
    await writeFile(join(repodataDir(), 'repomd.xml'), '<repomd>');
    await tidyAfter(5 * HOUR_MS);
    expect(await readdir(repodataDir())).toContain(OLD_FILE);
    expect(warnings).toEqual([]);
  });

  it('only says so when it fails, as the index is public already', async () => {
    await rm(repodataDir(), { recursive: true });
    await writeFile(repodataDir(), 'no directory');
    await expect(tidy(REPOSITORY)).resolves.toBeUndefined();
    expect(warnings).toMatchObject([{ repository: REPOSITORY, err: { code: 'ENOTDIR' } }]);
  });
});
