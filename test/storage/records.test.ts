import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toAppError } from '../../src/errors.ts';
import { type NonceUse, type Receipt, Records, type SetAside } from '../../src/storage/records.ts';
import { appErrorOf } from '../support/app-error.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const SHA_A = 'a'.repeat(64);
const SHA_B = 'b'.repeat(64);

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

let dir: TempDir;
let records: Records;

beforeEach(async () => {
  dir = await createTempDir();
  records = new Records(dir.path);
});

afterEach(async () => {
  records.close();
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

function aside(fields: Partial<SetAside> = {}): SetAside {
  return {
    repository: repo('9/x86_64'),
    location: 'Packages/a.rpm',
    identity: '1-2-3',
    reason: 'it holds text that XML cannot hold',
    sinceMs: 1_700_000_000_000,
    ...fields,
  };
}

/** Opens the same state directory again, as the next process does. */
function reopen(): void {
  records.close();
  records = new Records(dir.path);
}

describe('receipts', () => {
  it('are found by their digest, in every repository, in order', () => {
    records.saveReceipts([
      receipt({ repository: repo('9/x86_64') }),
      receipt({ repository: repo('9/aarch64') }),
    ]);
    records.saveReceipts([receipt({ location: 'Packages/b.rpm', sha256: SHA_B })]);
    expect(records.receiptsOf(SHA_A)).toEqual([
      receipt({ repository: repo('9/aarch64') }),
      receipt({ repository: repo('9/x86_64') }),
    ]);
    expect(records.receiptsOf('c'.repeat(64))).toEqual([]);
  });

  it('are listed in pieces, in order of location', () => {
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => receipt({ location: `Packages/${name}.rpm` }));
    records.saveReceipts([...all.toReversed(), receipt({ repository: repo('9/aarch64') })]);
    const first = records.receiptsAfter(repo('9/x86_64'), '', 2);
    expect(first).toEqual(all.slice(0, 2));
    expect(records.receiptsAfter(repo('9/x86_64'), first[1]?.location ?? '', 9)).toEqual(all.slice(2));
    expect(records.receiptsAfter(repo('9/x86_64'), 'Packages/e.rpm', 9)).toEqual([]);
  });

  it('outlive the process', () => {
    records.saveReceipts([receipt()]);
    reopen();
    expect(records.receiptsOf(SHA_A)).toEqual([receipt()]);
  });

  it('are replaced at the same place', () => {
    records.saveReceipts([receipt()]);
    records.saveReceipts([receipt({ sha256: SHA_B, placedAtMs: 5 })]);
    expect(records.receiptsOf(SHA_A)).toEqual([]);
    expect(records.receiptsOf(SHA_B)).toEqual([receipt({ sha256: SHA_B, placedAtMs: 5 })]);
  });

  it('keep numbers beyond 32 bits and text of any kind', () => {
    const odd = receipt({
      sizeBytes: 2 ** 52,
      placedAtMs: 2 ** 43,
      nevra: "a'; DROP TABLE receipt; --\u0000ä🎉",
    });
    records.saveReceipts([odd]);
    expect(records.receiptsOf(SHA_A)).toEqual([odd]);
  });

  it('finds a package that was signed here by the digest it was sent with', () => {
    const signature = { state: 'good', keyId: '0123456789ABCDEF', received: { state: 'unsigned' } } as const;
    const signed = receipt({ receivedSha256: SHA_B, signature });
    records.saveReceipts([signed]);
    expect(records.receiptsOfReceived(SHA_B)).toEqual([signed]);
    expect(records.receiptAt(signed.repository, signed.location)).toEqual(signed);
    expect(records.receiptsOfReceived(SHA_A)).toEqual([]);
  });

  it('give the acknowledged digests of one repository', () => {
    records.saveReceipts([
      receipt(),
      receipt({ location: '__proto__', sha256: SHA_B }),
      receipt({ repository: repo('9/SRPMS'), location: 'Packages/c.rpm' }),
    ]);
    expect(records.acknowledgedDigests(repo('9/x86_64'))).toEqual(
      new Map([
        ['Packages/a-1-1.el9.x86_64.rpm', SHA_A],
        ['__proto__', SHA_B],
      ]),
    );
    expect(records.acknowledgedDigests(repo('none/none'))).toEqual(new Map());
  });
});

describe('publishing', () => {
  const location = receipt().location;

  it('marks a receipt with the time of the first index that holds it', () => {
    records.saveReceipts([receipt()]);
    records.markPublished(repo('9/x86_64'), new Map([[location, SHA_A]]), 111);
    records.markPublished(repo('9/x86_64'), new Map([[location, SHA_A]]), 222);
    expect(records.receiptsOf(SHA_A)).toEqual([receipt({ publishedAtMs: 111 })]);
  });

  it('marks nothing that the index holds with other bytes, at another place, or not at all', () => {
    records.saveReceipts([receipt()]);
    for (const published of [
      new Map([[location, SHA_B]]),
      new Map([['Packages/other.rpm', SHA_A]]),
      new Map(),
    ]) {
      records.markPublished(repo('9/x86_64'), published, 111);
    }
    records.markPublished(repo('9/aarch64'), new Map([[location, SHA_A]]), 111);
    expect(records.receiptsOf(SHA_A)).toEqual([receipt()]);
  });

  it('does not need a receipt for every package of the index', () => {
    records.markPublished(repo('9/x86_64'), new Map([['Packages/by-hand.rpm', SHA_A]]), 111);
    expect(records.receiptsOf(SHA_A)).toEqual([]);
  });
});

describe('packages that are set aside', () => {
  it('are listed by repository, in order of location', () => {
    records.setAside([
      aside({ location: 'Packages/b.rpm' }),
      aside(),
      aside({ repository: repo('9/SRPMS') }),
    ]);
    expect(records.listSetAside(repo('9/x86_64'))).toEqual([aside(), aside({ location: 'Packages/b.rpm' })]);
    reopen();
    expect(records.listSetAside(repo('9/SRPMS'))).toEqual([aside({ repository: repo('9/SRPMS') })]);
  });

  it('have one record each, the latest', () => {
    records.setAside([aside()]);
    records.setAside([aside({ identity: '4-5-6', reason: 'another' })]);
    expect(records.listSetAside(repo('9/x86_64'))).toEqual([aside({ identity: '4-5-6', reason: 'another' })]);
  });

  it('say why', () => {
    records.setAside([aside()]);
    expect(records.setAsideReason(repo('9/x86_64'), 'Packages/a.rpm')).toBe(aside().reason);
    expect(records.setAsideReason(repo('9/x86_64'), 'Packages/b.rpm')).toBeUndefined();
    expect(records.setAsideReason(repo('9/SRPMS'), 'Packages/a.rpm')).toBeUndefined();
  });

  it('are taken back one by one, or all of a repository', () => {
    records.setAside([
      aside(),
      aside({ location: 'Packages/b.rpm' }),
      aside({ location: 'Packages/c.rpm' }),
      aside({ repository: repo('9/SRPMS') }),
    ]);
    records.takeBack(repo('9/x86_64'), 'Packages/b.rpm');
    expect(records.listSetAside(repo('9/x86_64')).map((each) => each.location)).toEqual([
      'Packages/a.rpm',
      'Packages/c.rpm',
    ]);
    records.takeAllBack(repo('9/x86_64'));
    expect(records.listSetAside(repo('9/x86_64'))).toEqual([]);
    expect(records.listSetAside(repo('9/SRPMS'))).toHaveLength(1);
  });
});

describe('a nonce', () => {
  const NOW_MS = Date.UTC(2026, 0, 1);
  const HOUR_MS = 3_600_000;
  const EXPIRES_AT_MS = NOW_MS + 301_000;
  const use = (nowMs: number, given: Partial<NonceUse> = {}): boolean =>
    records.useNonce({ keyId: 'build1', nonce: 'n1', expiresAtMs: EXPIRES_AT_MS, nowMs, ...given });
  /** Of a later request, which makes room for new nonces. */
  const useAnother = (nowMs: number): boolean =>
    use(nowMs, { nonce: String(nowMs), expiresAtMs: nowMs + 301_000 });

  it('can be used once by each key, also after a restart', () => {
    expect(use(NOW_MS)).toBe(true);
    expect(use(NOW_MS)).toBe(false);
    expect(use(NOW_MS, { keyId: 'build2' })).toBe(true);
    reopen();
    expect(use(NOW_MS)).toBe(false);
    expect(records.isNonceUsed('build1', 'n1')).toBe(true);
    expect(records.isNonceUsed('build1', 'n2')).toBe(false);
  });

  it('is remembered for a day after its time, so that a clock set back by less makes no request good again', () => {
    use(NOW_MS);
    useAnother(EXPIRES_AT_MS + 24 * HOUR_MS);
    expect(use(NOW_MS)).toBe(false);
  });

  it('is forgotten after that', () => {
    use(NOW_MS);
    useAnother(EXPIRES_AT_MS + 24 * HOUR_MS + 1);
    expect(records.isNonceUsed('build1', 'n1')).toBe(false);
  });
});

describe('nonces of a key that signs as fast as it can', () => {
  const NOW_MS = Date.UTC(2026, 0, 1);
  const MANY = 200_001;

  /** As if so many requests had come, whose signatures are good until then. */
  function fill(count: number, expiresAtMs: number): void {
    records.close();
    const database = new DatabaseSync(join(dir.path, 'records.sqlite'));
    database.exec(`
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
      INSERT INTO nonce SELECT 'build1', 'n' || i, ${expiresAtMs} FROM n`);
    database.close();
    records = new Records(dir.path);
  }
  const use = (nonce: string): boolean =>
    records.useNonce({ keyId: 'build1', nonce, expiresAtMs: NOW_MS + 301_000, nowMs: NOW_MS });
  function countNonces(): unknown {
    records.close();
    const database = new DatabaseSync(join(dir.path, 'records.sqlite'));
    const row = database.prepare('SELECT count(*) AS count FROM nonce').get();
    database.close();
    records = new Records(dir.path);
    return row?.['count'];
  }

  it('are some 200,000 beside those that protect a signature that is still good', () => {
    fill(MANY, NOW_MS - 1);
    for (let sent = 0; sent < 50; sent += 1) use(`new${sent}`);
    // 100 of them made room for those that came.
    expect(countNonces()).toBe(MANY + 50 - 100);
  });

  it('are never forgotten while the signature is good', () => {
    fill(MANY, NOW_MS);
    for (let sent = 0; sent < 5; sent += 1) use(`new${sent}`);
    expect(countNonces()).toBe(MANY + 5);
    expect(use('n1')).toBe(false);
  });
});

describe('superseded metadata', () => {
  it('is what was said last', () => {
    const files = [
      { fileName: 'aa-primary.xml.gz', sinceMs: 1 },
      { fileName: 'bb-other.xml.gz', sinceMs: 2 },
    ];
    records.replaceSuperseded(repo('9/x86_64'), files);
    records.replaceSuperseded(repo('9/SRPMS'), files.slice(0, 1));
    expect(records.listSuperseded(repo('9/x86_64'))).toEqual(files);
    records.replaceSuperseded(repo('9/x86_64'), files.slice(1));
    reopen();
    expect(records.listSuperseded(repo('9/x86_64'))).toEqual(files.slice(1));
    expect(records.listSuperseded(repo('9/SRPMS'))).toEqual(files.slice(0, 1));
  });
});

describe('the database', () => {
  it('is refused when a newer version wrote it, and left as it is', () => {
    records.saveReceipts([receipt()]);
    records.close();
    const path = join(dir.path, 'records.sqlite');
    const database = new DatabaseSync(path);
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    database.exec('PRAGMA user_version = 1000');
    database.close();
    expect(() => new Records(dir.path)).toThrow(
      expect.objectContaining({ code: 'TREE_UNUSABLE', message: expect.stringContaining('format 1000') }),
    );
    const again = new DatabaseSync(path);
    expect(again.prepare('SELECT count(*) AS count FROM receipt').get()).toEqual({ count: 1 });
    again.exec(`PRAGMA user_version = ${version}`);
    again.close();
    records = new Records(dir.path);
  });

  it('of format 1 keeps what it holds and takes what is new', () => {
    records.close();
    const path = join(dir.path, 'records.sqlite');
    rmSync(path);
    const old = new DatabaseSync(path);
    old.exec(FORMAT_1);
    const { sha256, sizeBytes, placedAtMs } = receipt();
    old
      .prepare('INSERT INTO receipt VALUES (?, ?, ?, ?, ?, ?, NULL)')
      .run('9/x86_64', 'Packages/a-1-1.el9.x86_64.rpm', sha256, 'a-1-1.el9.x86_64', sizeBytes, placedAtMs);
    old.exec("INSERT INTO set_aside VALUES ('9/x86_64', 'Packages/b.rpm', '1-2-3', 'why', 5)");
    old.close();

    records = new Records(dir.path);
    expect(records.receiptsOf(SHA_A)).toEqual([receipt()]);
    expect(records.listSetAside(repo('9/x86_64'))).toHaveLength(1);
    records.saveReceipts([receipt({ location: 'Packages/c.rpm' })]);
    reopen();
    expect(records.receiptsOf(SHA_A)).toHaveLength(2);
  });

  it('can be probed at any time', () => {
    records.probe();
    records.saveReceipts([receipt()]);
    records.probe();
    expect(records.receiptsOf(SHA_A)).toHaveLength(1);
  });

  it('holds all of a transaction or nothing', () => {
    const good = receipt();
    const bad = receipt({ repository: repo('9/aarch64'), sizeBytes: 0.5 });
    expect(() => records.saveReceipts([good, bad])).toThrow(
      expect.objectContaining({ code: 'ERR_SQLITE_ERROR' }),
    );
    expect(records.receiptsOf(SHA_A)).toEqual([]);
    records.saveReceipts([good]);
    expect(records.receiptsOf(SHA_A)).toEqual([good]);
  });
});

describe('a full disk', () => {
  /** Forbids the database to grow, as a full disk does. */
  function fillUp(): { makeRoom: () => void } {
    const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare');
    records.probe();
    const database = prepare.mock.contexts[0];
    prepare.mockRestore();
    if (!(database instanceof DatabaseSync)) throw new Error('expected the records to use their database');
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() ?? {};
    database.exec(`PRAGMA max_page_count = ${String(pages)}`);
    return { makeRoom: () => database.exec('PRAGMA max_page_count = 1073741823') };
  }

  const many = (): readonly Receipt[] =>
    Array.from({ length: 2000 }, (_, index) => receipt({ location: `Packages/${index}.rpm` }));

  it('answers STORAGE_FULL, keeps what was there, and heals when there is room again', () => {
    records.saveReceipts([receipt()]);
    const disk = fillUp();
    for (let attempt = 0; attempt < 2; attempt++) {
      const { code } = appErrorOf(() => {
        try {
          records.saveReceipts(many());
        } catch (error) {
          throw toAppError(error);
        }
      });
      expect(code).toBe('STORAGE_FULL');
    }
    expect(records.receiptsOf(SHA_A)).toEqual([receipt()]);
    disk.makeRoom();
    records.saveReceipts(many());
    expect(records.receiptsOf(SHA_A)).toHaveLength(2001);
  });
});

describe('faults of packages', () => {
  const fault = (location: string, repository = '9/x86_64') => ({
    repository: repo(repository),
    location,
    identity: '1-2-3',
    code: 'PACKAGE_DAMAGED' as const,
    reason: 'a reason',
    sinceMs: 1,
  });

  it('are counted for each repository and code with the first of them, until they end', () => {
    records.savePackageFaults([
      fault('b.rpm'),
      fault('a.rpm'),
      { ...fault('c.rpm'), code: 'PACKAGE_HELD_BACK' },
      fault('a.rpm', '9/aarch64'),
    ]);
    expect(records.countPackageFaults()).toEqual([
      { count: 1, first: fault('a.rpm', '9/aarch64') },
      { count: 2, first: fault('a.rpm') },
      { count: 1, first: { ...fault('c.rpm'), code: 'PACKAGE_HELD_BACK' } },
    ]);
    expect(records.packageFaultAt(repo('9/x86_64'), 'b.rpm')).toEqual(fault('b.rpm'));
    records.endPackageFaults(repo('9/x86_64'), ['a.rpm', 'b.rpm', 'c.rpm']);
    expect(records.listPackageFaults(repo('9/x86_64'))).toEqual([]);
    expect(records.listPackageFaults(repo('9/aarch64'))).toEqual([fault('a.rpm', '9/aarch64')]);
  });
});
