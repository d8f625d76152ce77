import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SqliteRecords } from '../../../src/storage/local/sqlite-records.ts';
import type { Receipt } from '../../../src/storage/records.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';
import { type RecordsBed, tryRecords } from '../suites/records-suite.ts';
import { repo } from '../../support/repo.ts';

const SHA_A = 'a'.repeat(64);

/** The tables as the first format had them. */
const FORMAT_1 = `
  CREATE TABLE receipt (repository TEXT NOT NULL, location TEXT NOT NULL, sha256 TEXT NOT NULL, nevra TEXT NOT NULL,
    size_bytes INTEGER NOT NULL, placed_at_ms INTEGER NOT NULL, published_at_ms INTEGER,
    PRIMARY KEY (repository, location)) STRICT, WITHOUT ROWID;
  CREATE INDEX receipt_sha256 ON receipt (sha256);
  CREATE INDEX receipt_unpublished ON receipt (repository) WHERE published_at_ms IS NULL;
  CREATE TABLE set_aside (repository TEXT NOT NULL, location TEXT NOT NULL, identity TEXT NOT NULL,
    reason TEXT NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY (repository, location)) STRICT;
  CREATE TABLE probe (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE superseded (repository TEXT NOT NULL, file_name TEXT NOT NULL, since_ms INTEGER NOT NULL,
    PRIMARY KEY (repository, file_name)) STRICT;
  PRAGMA user_version = 1;
`;

describe('records in SQLite', () => {
  tryRecords(openBed);
});

async function openBed(): Promise<RecordsBed> {
  const dir = await createTempDir();
  const opened = [new SqliteRecords(dir.path)];
  const newest = (): SqliteRecords => opened.at(-1) ?? new SqliteRecords(dir.path);
  return {
    records: newest(),
    crashAndReopen: async () => {
      // What is on the disk while the killed process has it open.
      const next = join(dir.path, `next${opened.length}`);
      mkdirSync(next);
      const from = opened.length === 1 ? dir.path : join(dir.path, `next${opened.length - 1}`);
      for (const name of ['records.sqlite', 'records.sqlite-wal']) {
        copyFileSync(join(from, name), join(next, name));
      }
      opened.push(new SqliteRecords(next));
      return newest();
    },
    fillDisk: () => {
      const database = databaseOf(newest());
      const { page_count: pages } = database.prepare('PRAGMA page_count').get() ?? {};
      // Forbids the database to grow, as a full disk does.
      database.exec(`PRAGMA max_page_count = ${String(pages)}`);
      return () => database.exec('PRAGMA max_page_count = 1073741823');
    },
    [Symbol.asyncDispose]: async () => {
      for (const records of opened) await records.close();
      await dir.remove();
    },
  };
}

function databaseOf(records: SqliteRecords): DatabaseSync {
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare');
  // A statement that was not prepared before.
  void records.listRepositories();
  const database = prepare.mock.contexts[0];
  prepare.mockRestore();
  if (database instanceof DatabaseSync) return database;
  throw new Error('expected the records to use their database');
}

let dir: TempDir;
let records: SqliteRecords;

beforeEach(async () => {
  dir = await createTempDir();
  records = new SqliteRecords(dir.path);
});

afterEach(async () => {
  await records.close();
  await dir.remove();
});

function receipt(fields: Partial<Receipt> = {}): Receipt {
  return {
    repository: repo('9/x86_64'),
    location: 'Packages/a-1-1.el9.x86_64.rpm',
    sha256: SHA_A,
    nevra: 'a-1-1.el9.x86_64',
    sizeBytes: 1234,
    placedAtMs: 1_700_000_000_123,
    publishedAtMs: undefined,
    ...fields,
  };
}

describe('nonces of a key that signs as fast as it can', () => {
  const NOW_MS = Date.UTC(2026, 0, 1);
  const MANY = 200_001;

  /** As if so many requests had come, whose signatures are good until then. */
  async function fill(count: number, expiresAtMs: number): Promise<void> {
    await records.close();
    const database = new DatabaseSync(join(dir.path, 'records.sqlite'));
    database.exec(`
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      INSERT INTO nonce SELECT 'build1', 'n' || i, ${expiresAtMs} FROM n`);
    database.close();
    records = new SqliteRecords(dir.path);
  }
  const use = (nonce: string): Promise<boolean> =>
    records.useNonce({ keyId: 'build1', nonce, expiresAtMs: NOW_MS + 301_000, nowMs: NOW_MS });
  async function countNonces(): Promise<unknown> {
    await records.close();
    const database = new DatabaseSync(join(dir.path, 'records.sqlite'));
    const row = database.prepare('SELECT count(*) AS count FROM nonce').get();
    database.close();
    records = new SqliteRecords(dir.path);
    return row?.['count'];
  }

  it('are some 200,000 beside those that protect a signature that is still good', async () => {
    await fill(MANY, NOW_MS - 1);
    for (let sent = 0; sent < 50; sent += 1) await use(`new${sent}`);
    // 100 of them made room for those that came.
    expect(await countNonces()).toBe(MANY + 50 - 100);
  });

  it('are never forgotten while the signature is good', async () => {
    await fill(MANY, NOW_MS);
    for (let sent = 0; sent < 5; sent += 1) await use(`new${sent}`);
    expect(await countNonces()).toBe(MANY + 5);
    expect(await use('n1')).toBe(false);
  });
});

describe('the database', () => {
  it('is refused when a newer version wrote it, and left as it is', async () => {
    await records.saveReceipts([receipt()]);
    await records.close();
    const path = join(dir.path, 'records.sqlite');
    const database = new DatabaseSync(path);
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    database.exec('PRAGMA user_version = 1000');
    database.close();
    expect(() => new SqliteRecords(dir.path)).toThrow(
      expect.objectContaining({ code: 'TREE_UNUSABLE', message: expect.stringContaining('format 1000') }),
    );
    const again = new DatabaseSync(path);
    expect(again.prepare('SELECT count(*) AS count FROM receipt').get()).toEqual({ count: 1 });
    again.exec(`PRAGMA user_version = ${version}`);
    again.close();
    records = new SqliteRecords(dir.path);
  });

  it('of format 1 keeps what it holds and takes what is new', async () => {
    await records.close();
    const path = join(dir.path, 'records.sqlite');
    rmSync(path);
    const old = new DatabaseSync(path);
    old.exec(FORMAT_1);
    const { sha256, sizeBytes, placedAtMs } = receipt();
    old
      .prepare('INSERT INTO receipt VALUES (?, ?, ?, ?, ?, ?, NULL)')
      .run(
        repo('9/x86_64'),
        'Packages/a-1-1.el9.x86_64.rpm',
        sha256,
        'a-1-1.el9.x86_64',
        sizeBytes,
        placedAtMs,
      );
    old.exec("INSERT INTO set_aside VALUES ('9/x86_64', 'Packages/b.rpm', '1-2-3', 'why', 5)");
    old.close();

    records = new SqliteRecords(dir.path);
    expect(await records.receiptsOf(SHA_A)).toEqual([receipt()]);
    expect(await records.listSetAside(repo('9/x86_64'))).toHaveLength(1);
    await records.saveReceipts([receipt({ location: 'Packages/c.rpm' })]);
    await records.close();
    records = new SqliteRecords(dir.path);
    expect(await records.receiptsOf(SHA_A)).toHaveLength(2);
  });
});

describe('superseded metadata', () => {
  it('keeps the time since when it is known, until it is current again', async () => {
    const repository = repo('9/x86_64');
    const fileName = 'comps.xml';
    await records.noteSuperseded(repository, [{ fileName, sinceMs: 1 }]);
    await records.noteSuperseded(repository, [
      { fileName, sinceMs: 2 },
      { fileName: 'other.xml', sinceMs: 2 },
    ]);
    expect(await records.listSuperseded(repository)).toEqual([
      { fileName, sinceMs: 1 },
      { fileName: 'other.xml', sinceMs: 2 },
    ]);
    await records.forgetSuperseded(repository, [fileName]);
    expect(await records.listSuperseded(repository)).toEqual([{ fileName: 'other.xml', sinceMs: 2 }]);
  });

  it('is what was said last', async () => {
    const files = [
      { fileName: 'aa-primary.xml.gz', sinceMs: 1 },
      { fileName: 'bb-other.xml.gz', sinceMs: 2 },
    ];
    await records.replaceSuperseded(repo('9/x86_64'), files);
    await records.replaceSuperseded(repo('9/SRPMS'), files.slice(0, 1));
    expect(await records.listSuperseded(repo('9/x86_64'))).toEqual(files);
    await records.replaceSuperseded(repo('9/x86_64'), files.slice(1));
    await records.close();
    records = new SqliteRecords(dir.path);
    expect(await records.listSuperseded(repo('9/x86_64'))).toEqual(files.slice(1));
    expect(await records.listSuperseded(repo('9/SRPMS'))).toEqual(files.slice(0, 1));
  });
});
