import { DatabaseSync } from 'node:sqlite';
import { PACKAGE_FAULT_CODES } from '../../api/package-fault-code.ts';
import type { SignatureVerdict } from '../../api/signature-verdict.ts';
import { AppError } from '../../errors.ts';
import {
  type NonceUse,
  type PackageFault,
  type PackageFaultCount,
  type Receipt,
  type Records,
  type SetAside,
} from '../records.ts';
import { parseRepositoryName, type RepositoryName } from '../../rpm/repository-name.ts';
import { createStateLayout } from '../state-layout.ts';
import { migrate } from './migrations.ts';

// A clock that is set back by less must not make old signatures good again.
const NONCE_GRACE_MS = 24 * 3_600_000;
// Some 40 MB: two signed requests a second the whole day. Above it only those stay that protect a signature which is good by
// the clock of now, which is ten minutes of what the service can answer: a key that signs as fast as it can does not fill the disk.
const MAX_EXPIRED_NONCES = 200_000;
// With each that comes, so that none waits until thousands have been removed.
const NONCES_REMOVED_AT_ONCE = 100;

/** A metadata file that repomd.xml no longer names. */
export interface Superseded {
  readonly fileName: string;
  readonly sinceMs: number;
}

type Row = Record<string, unknown>;
type Value = string | number | null;

/**
 * The records in SQLite. A power cut may take the last moments of them. For what is said of packages that is harmless: the
 * next index run finds out again what is published or set aside, and a repeated upload writes its receipt again. Not so for
 * nonces: a signed request of those moments can be sent once more, until its timestamp is five minutes old
 * (docs/decisions/0019-access.md). Each method does its work before it returns its promise, so that two calls never mix.
 */
export class SqliteRecords implements Records {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>();
  #nonceCount: number;

  /** @throws AppError TREE_UNUSABLE. */
  constructor(stateDir: string) {
    this.#database = new DatabaseSync(createStateLayout(stateDir).recordsFile);
    try {
      // The tree has one owner, so the lock on the records can be kept; taking it for each commit costs as much as the
      // commit itself.
      this.#database.exec(
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;',
      );
      // A checkpoint syncs on this thread: after 40 MB of log, not after every hundred uploads.
      this.#database.exec('PRAGMA wal_autocheckpoint = 10000');
      migrate(this.#database);
      // Now rather than in the middle of an upload; a million receipts take some seconds.
      const [check] = this.#all('PRAGMA quick_check(1)');
      if (check?.['quick_check'] !== 'ok') throw new Error(String(check?.['quick_check']));
      this.#nonceCount = Number(this.#all('SELECT count(*) AS count FROM nonce')[0]?.['count']);
    } catch (error) {
      this.#database.close();
      throw error instanceof AppError ? error : unusable(error);
    }
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  async probe(): Promise<void> {
    // The time is never read; it makes each write a change.
    this.#run('INSERT OR REPLACE INTO probe VALUES (1, ?)', Date.now());
  }

  async saveReceipts(receipts: readonly Receipt[]): Promise<void> {
    this.#runEach(
      `INSERT OR REPLACE INTO receipt
        (repository, location, sha256, nevra, size_bytes, placed_at_ms, published_at_ms, received_sha256, signature)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      receipts.map((receipt) => [
        receipt.repository,
        receipt.location,
        receipt.sha256,
        receipt.nevra,
        receipt.sizeBytes,
        receipt.placedAtMs,
        receipt.publishedAtMs ?? null,
        receipt.receivedSha256 ?? null,
        receipt.signature === undefined ? null : JSON.stringify(receipt.signature),
      ]),
    );
  }

  async receiptsOf(sha256: string): Promise<readonly Receipt[]> {
    return this.#all('SELECT * FROM receipt WHERE sha256 = ? ORDER BY repository', sha256).map(toReceipt);
  }

  async receiptsOfReceived(receivedSha256: string): Promise<readonly Receipt[]> {
    return this.#all(
      'SELECT * FROM receipt WHERE received_sha256 = ? ORDER BY repository',
      receivedSha256,
    ).map(toReceipt);
  }

  async receiptAt(repository: RepositoryName, location: string): Promise<Receipt | undefined> {
    const [row] = this.#all(
      'SELECT * FROM receipt WHERE repository = ? AND location = ?',
      repository,
      location,
    );
    return row === undefined ? undefined : toReceipt(row);
  }

  async listRepositories(): Promise<readonly RepositoryName[]> {
    return this.#all('SELECT DISTINCT repository FROM receipt ORDER BY repository').map(repositoryIn);
  }

  async listReceipts(repository: RepositoryName): Promise<readonly Receipt[]> {
    return this.#all('SELECT * FROM receipt WHERE repository = ? ORDER BY location', repository).map(
      toReceipt,
    );
  }

  async receiptsAfter(
    repository: RepositoryName,
    location: string,
    count: number,
  ): Promise<readonly Receipt[]> {
    const sql = 'SELECT * FROM receipt WHERE repository = ? AND location > ? ORDER BY location LIMIT ?';
    return this.#all(sql, repository, location, count).map(toReceipt);
  }

  async acknowledgedDigests(repository: RepositoryName): Promise<ReadonlyMap<string, string>> {
    const rows = this.#all('SELECT location, sha256 FROM receipt WHERE repository = ?', repository);
    return new Map(rows.map((row) => [String(row['location']), String(row['sha256'])]));
  }

  async markPublished(
    repository: RepositoryName,
    published: ReadonlyMap<string, string>,
    nowMs: number,
  ): Promise<void> {
    this.#inTransaction(() => {
      const waiting = this.#all(
        'SELECT location, sha256 FROM receipt WHERE repository = ? AND published_at_ms IS NULL',
        repository,
      );
      for (const row of waiting) {
        if (published.get(String(row['location'])) !== row['sha256']) continue;
        this.#run(
          'UPDATE receipt SET published_at_ms = ? WHERE repository = ? AND location = ?',
          nowMs,
          repository,
          String(row['location']),
        );
      }
    });
  }

  async forget(repository: RepositoryName, locations: readonly string[], untilMs: number): Promise<void> {
    if (locations.length === 0) return;
    this.#runEach(
      'DELETE FROM receipt WHERE repository = ? AND location = ? AND placed_at_ms <= ?',
      locations.map((location) => [repository, location, untilMs]),
    );
  }

  async setAside(packages: readonly SetAside[]): Promise<void> {
    this.#runEach(
      'INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?, ?, ?)',
      packages.map((one) => [one.repository, one.location, one.identity, one.reason, one.sinceMs]),
    );
  }

  async listSetAside(repository: RepositoryName): Promise<readonly SetAside[]> {
    return this.#all('SELECT * FROM set_aside WHERE repository = ? ORDER BY location', repository).map(
      toSetAside,
    );
  }

  async takeAllBack(repository: RepositoryName): Promise<void> {
    this.#run('DELETE FROM set_aside WHERE repository = ?', repository);
  }

  async setAsideReason(repository: RepositoryName, location: string): Promise<string | undefined> {
    const [row] = this.#all(
      'SELECT reason FROM set_aside WHERE repository = ? AND location = ?',
      repository,
      location,
    );
    return row === undefined ? undefined : String(row['reason']);
  }

  async takeBack(repository: RepositoryName, location: string): Promise<void> {
    this.#run('DELETE FROM set_aside WHERE repository = ? AND location = ?', repository, location);
  }

  async savePackageFaults(faults: readonly PackageFault[]): Promise<void> {
    this.#runEach(
      'INSERT OR REPLACE INTO package_fault VALUES (?, ?, ?, ?, ?, ?)',
      faults.map((one) => [one.repository, one.location, one.identity, one.code, one.reason, one.sinceMs]),
    );
  }

  async listPackageFaults(repository: RepositoryName): Promise<readonly PackageFault[]> {
    return this.#all('SELECT * FROM package_fault WHERE repository = ? ORDER BY location', repository).map(
      toPackageFault,
    );
  }

  async countPackageFaults(): Promise<readonly PackageFaultCount[]> {
    // Bare columns of a query with min() are those of its row: SQLite, "Quirks of SQL aggregates".
    const sql = `SELECT *, count(*) AS count, min(location) FROM package_fault
      GROUP BY repository, code ORDER BY repository, code`;
    return this.#all(sql).map((row) => ({ count: Number(row['count']), first: toPackageFault(row) }));
  }

  async packageFaultAt(repository: RepositoryName, location: string): Promise<PackageFault | undefined> {
    const [row] = this.#all(
      'SELECT * FROM package_fault WHERE repository = ? AND location = ?',
      repository,
      location,
    );
    return row === undefined ? undefined : toPackageFault(row);
  }

  async endPackageFaults(repository: RepositoryName, locations: readonly string[]): Promise<void> {
    if (locations.length === 0) return;
    this.#runEach(
      'DELETE FROM package_fault WHERE repository = ? AND location = ?',
      locations.map((location) => [repository, location]),
    );
  }

  async isNonceUsed(keyId: string, nonce: string): Promise<boolean> {
    return this.#hasNonce(keyId, nonce);
  }

  async useNonce({ keyId, nonce, expiresAtMs, nowMs }: NonceUse): Promise<boolean> {
    const graceMs = this.#nonceCount > MAX_EXPIRED_NONCES ? 0 : NONCE_GRACE_MS;
    this.#nonceCount -= this.#run(
      `DELETE FROM nonce WHERE (key_id, nonce) IN
        (SELECT key_id, nonce FROM nonce WHERE expires_at_ms < ? ORDER BY expires_at_ms LIMIT ?)`,
      nowMs - graceMs,
      NONCES_REMOVED_AT_ONCE,
    );
    if (this.#hasNonce(keyId, nonce)) return false;
    this.#nonceCount += this.#run('INSERT INTO nonce VALUES (?, ?, ?)', keyId, nonce, expiresAtMs);
    return true;
  }

  async listSuperseded(repository: RepositoryName): Promise<readonly Superseded[]> {
    return this.#all('SELECT * FROM superseded WHERE repository = ?', repository).map((row) => ({
      fileName: String(row['file_name']),
      sinceMs: Number(row['since_ms']),
    }));
  }

  /** Forgets that these files were superseded, because they are current. */
  async forgetSuperseded(repository: RepositoryName, fileNames: readonly string[]): Promise<void> {
    this.#runEach(
      'DELETE FROM superseded WHERE repository = ? AND file_name = ?',
      fileNames.map((fileName) => [repository, fileName]),
    );
  }

  /** Adds to what is known of a repository's superseded metadata; the time of what is known stays. */
  async noteSuperseded(repository: RepositoryName, files: readonly Superseded[]): Promise<void> {
    this.#runEach(
      'INSERT OR IGNORE INTO superseded VALUES (?, ?, ?)',
      files.map(({ fileName, sinceMs }) => [repository, fileName, sinceMs]),
    );
  }

  /** Replaces what is known of a repository's superseded metadata. */
  async replaceSuperseded(repository: RepositoryName, files: readonly Superseded[]): Promise<void> {
    this.#inTransaction(() => {
      this.#run('DELETE FROM superseded WHERE repository = ?', repository);
      for (const file of files) {
        this.#run('INSERT INTO superseded VALUES (?, ?, ?)', repository, file.fileName, file.sinceMs);
      }
    });
  }

  #hasNonce(keyId: string, nonce: string): boolean {
    return this.#all('SELECT 1 FROM nonce WHERE key_id = ? AND nonce = ?', keyId, nonce).length > 0;
  }

  /** Runs a statement once for each row of values, all or none. */
  #runEach(sql: string, rows: readonly (readonly Value[])[]): void {
    this.#inTransaction(() => {
      for (const values of rows) this.#run(sql, ...values);
    });
  }

  #inTransaction(work: () => void): void {
    this.#run('BEGIN IMMEDIATE');
    try {
      work();
      this.#run('COMMIT');
    } catch (error) {
      // On a full disk SQLite has rolled back by itself; a second time would fail and hide the cause.
      if (this.#database.isTransaction) this.#run('ROLLBACK');
      throw error;
    }
  }

  #statement(sql: string): ReturnType<DatabaseSync['prepare']> {
    const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  /** @returns how many rows it changed. */
  #run(sql: string, ...values: readonly Value[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  #all(sql: string, ...values: readonly (string | number)[]): readonly Row[] {
    return this.#statement(sql).all(...values);
  }
}

function unusable(cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AppError('TREE_UNUSABLE', `the records in the state directory cannot be used: ${reason}`, {
    hint: 'Restore records.sqlite from a backup, or move it away: the index is rebuilt, receipts and times are lost.',
    cause,
  });
}

function toReceipt(row: Row): Receipt {
  return {
    repository: repositoryIn(row),
    location: String(row['location']),
    sha256: String(row['sha256']),
    nevra: String(row['nevra']),
    sizeBytes: Number(row['size_bytes']),
    placedAtMs: Number(row['placed_at_ms']),
    publishedAtMs: row['published_at_ms'] === null ? undefined : Number(row['published_at_ms']),
    receivedSha256: textOf(row['received_sha256']),
    signature: toSignature(textOf(row['signature'])),
  };
}

function toPackageFault(row: Row): PackageFault {
  const code = PACKAGE_FAULT_CODES.find((known) => known === row['code']);
  return {
    repository: repositoryIn(row),
    location: String(row['location']),
    identity: String(row['identity']),
    code: code ?? 'PACKAGE_UNDESCRIBABLE',
    reason: String(row['reason']),
    sinceMs: Number(row['since_ms']),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Only the service writes into the records. */
function toSignature(json: string | undefined): SignatureVerdict | undefined {
  return json === undefined ? undefined : JSON.parse(json);
}

function toSetAside(row: Row): SetAside {
  return {
    repository: repositoryIn(row),
    location: String(row['location']),
    identity: String(row['identity']),
    reason: String(row['reason']),
    sinceMs: Number(row['since_ms']),
  };
}

/** Only names are written there. */
function repositoryIn(row: Row): RepositoryName {
  const text = String(row['repository']);
  const repository = parseRepositoryName(text);
  if (repository === undefined) throw unusable(`${JSON.stringify(text)} is no repository name`);
  return repository;
}
