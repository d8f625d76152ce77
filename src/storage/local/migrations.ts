import type { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../errors.ts';

/** What each format added to the one before it; a new database passes through all of them. */
const MIGRATIONS = [
  `
  CREATE TABLE receipt (
    repository TEXT NOT NULL,
    location TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    nevra TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    placed_at_ms INTEGER NOT NULL,
    published_at_ms INTEGER,
    PRIMARY KEY (repository, location)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX receipt_sha256 ON receipt (sha256);
  CREATE INDEX receipt_unpublished ON receipt (repository) WHERE published_at_ms IS NULL;
  CREATE TABLE set_aside (
    repository TEXT NOT NULL,
    location TEXT NOT NULL,
    identity TEXT NOT NULL,
    reason TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (repository, location)
  ) STRICT;
  CREATE TABLE probe (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE superseded (
    repository TEXT NOT NULL,
    file_name TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (repository, file_name)
  ) STRICT;
`,
  // Nonces of signed requests, and what an uploaded package was before it was signed here.
  `
  CREATE TABLE nonce (
    key_id TEXT NOT NULL,
    nonce TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (key_id, nonce)
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE receipt ADD COLUMN received_sha256 TEXT;
  ALTER TABLE receipt ADD COLUMN signature TEXT;
  CREATE INDEX nonce_expiry ON nonce (expires_at_ms);
  CREATE INDEX receipt_received_sha256 ON receipt (received_sha256) WHERE received_sha256 IS NOT NULL;
`,
  // Packages that are not described as they lie there.
  `
  CREATE TABLE package_fault (
    repository TEXT NOT NULL,
    location TEXT NOT NULL,
    identity TEXT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (repository, location)
  ) STRICT, WITHOUT ROWID;
`,
];

/** Brings the records to the format of this version. @throws AppError TREE_UNUSABLE for a newer one. */
export function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version === MIGRATIONS.length) return;
  if (version > MIGRATIONS.length) {
    throw new AppError(
      'TREE_UNUSABLE',
      `the state directory has format ${version}, this version knows formats up to ${MIGRATIONS.length}`,
      { hint: 'Run the newer Rpmyard that wrote it, or restore the state directory from a backup.' },
    );
  }
  const migration = MIGRATIONS.slice(version).join('');
  database.exec(`BEGIN; ${migration} PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`);
}
