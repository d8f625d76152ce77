import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sqliteFaultOf } from '../../../errors.ts';
import { PACKAGE_METADATA_TYPES } from '../../../rpm/repodata/metadata-envelope.ts';
import type { Repomd } from '../../../rpm/repodata/repomd.ts';
import { createStateLayout } from '../../../storage/state-layout.ts';
import type { IndexFormatName, Segment } from './index-format.ts';
import { type IndexedPackage, type PackageGroup, type PerType, perType } from './package-group.ts';
import type { WrittenFile } from './write-index-file.ts';
import type { RepositoryName } from '../../../rpm/repository-name.ts';

/** The engine's state of an index that it wrote: the files, and where each group lies in them. */
export interface IndexState {
  readonly format: IndexFormatName;
  readonly files: PerType<WrittenFile>;
  /** In order of location, side by side in the files. */
  readonly groups: readonly PackageGroup[];
}

// A file of another version is thrown away, as everything in it can be made again. 2: kept texts were checked for
// dependencies that hosts cannot read.
const FORMAT_VERSION = 2;

const TABLES = `
  CREATE TABLE index_files (
    repository TEXT PRIMARY KEY, format TEXT NOT NULL, files TEXT NOT NULL
  ) STRICT;
  CREATE TABLE index_group (
    repository TEXT NOT NULL, first_location TEXT NOT NULL, packages TEXT NOT NULL, segments TEXT NOT NULL,
    PRIMARY KEY (repository, first_location)
  ) STRICT, WITHOUT ROWID;
`;

// Another thread may be writing.
const BUSY_TIMEOUT_MS = 30_000;
// About 320 bytes each; packages that are not kept in memory are read again when they are needed.
const MAX_REMEMBERED_PACKAGES = 300_000;

/**
 * Remembers index states in `state/index.sqlite`, a row a group, so that a small change is a small write. Losing it
 * costs a run that reads the published metadata; the engine trusts nothing in it before it agrees with repomd.xml.
 */
export class IndexStates {
  readonly #path: string;
  #database: DatabaseSync;
  readonly #remembered = new Map<string, readonly IndexState[]>();
  /** Of each repository what the database holds, as far as this thread knows. */
  readonly #stored = new Map<string, IndexState>();

  constructor(stateDir: string) {
    this.#path = createStateLayout(stateDir).indexFile;
    this.#database = openDatabase(this.#path);
  }

  /** The state that belongs to the published repomd.xml; undefined when none does. */
  load(repository: RepositoryName, repositoryDir: string, published: Repomd): IndexState | undefined {
    const isSound = (state: IndexState): boolean =>
      isStateFor(state, published) && isOnDisk(state, repositoryDir);
    const remembered = this.#remembered.get(repository)?.find(isSound);
    if (remembered !== undefined) return remembered;
    const stored = this.#read(repository, repositoryDir);
    if (stored === undefined || !isSound(stored)) return undefined;
    this.#stored.set(repository, stored);
    this.#remember(repository, [stored]);
    return stored;
  }

  /** Keeps a state that is about to be published, and in memory the former one, in case that fails. */
  save(repository: RepositoryName, state: IndexState, former: IndexState | undefined): void {
    this.#remember(repository, former === undefined ? [state] : [state, former]);
    try {
      this.#store(repository, state);
    } catch (error) {
      if (sqliteFaultOf(error) !== 'damaged') throw error;
      this.#startAnew();
      this.#store(repository, state);
    }
  }

  close(): void {
    this.#database.close();
  }

  #store(repository: RepositoryName, state: IndexState): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      this.#write(repository, state);
      this.#database.exec('COMMIT');
      this.#stored.set(repository, state);
    } catch (error) {
      // On a full disk SQLite has rolled back by itself.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Everything in a damaged database can be made again. */
  #startAnew(): void {
    this.#database.close();
    removeDatabase(this.#path);
    this.#database = openDatabase(this.#path);
  }

  #remember(repository: RepositoryName, states: readonly IndexState[]): void {
    this.#remembered.delete(repository);
    this.#remembered.set(repository, states);
    let packageCount = 0;
    for (const [name, [state]] of [...this.#remembered].toReversed()) {
      packageCount += state?.groups.reduce((sum, { packages }) => sum + packages.length, 0) ?? 0;
      if (packageCount <= MAX_REMEMBERED_PACKAGES || name === repository) continue;
      this.#remembered.delete(name);
      this.#stored.delete(name);
    }
  }

  #write(repository: RepositoryName, state: IndexState): void {
    const stored = this.#storedNow(repository);
    const storedPackages = new Set(stored?.groups.map(({ packages }) => packages));
    const packagesOfState = new Set(state.groups.map(({ packages }) => packages));
    if (stored === undefined) {
      this.#database.prepare('DELETE FROM index_group WHERE repository = ?').run(repository);
    }
    const remove = this.#database.prepare(
      'DELETE FROM index_group WHERE repository = ? AND first_location = ?',
    );
    for (const { packages } of stored?.groups ?? []) {
      if (!packagesOfState.has(packages)) remove.run(repository, readFirstLocation({ packages }));
    }
    const insert = this.#database.prepare('INSERT OR REPLACE INTO index_group VALUES (?, ?, ?, ?)');
    for (const group of state.groups) {
      if (storedPackages.has(group.packages)) continue;
      const { packages, segments } = toRow(group);
      insert.run(repository, readFirstLocation(group), packages, segments);
    }
    this.#database
      .prepare('INSERT OR REPLACE INTO index_files VALUES (?, ?, ?)')
      .run(repository, state.format, JSON.stringify(state.files));
  }

  /** Undefined also when another thread has written since. */
  #storedNow(repository: RepositoryName): IndexState | undefined {
    const row = this.#database.prepare('SELECT files FROM index_files WHERE repository = ?').get(repository);
    const stored = this.#stored.get(repository);
    return row?.['files'] === JSON.stringify(stored?.files) ? stored : undefined;
  }

  #read(repository: RepositoryName, repositoryDir: string): IndexState | undefined {
    try {
      const row = this.#database
        .prepare('SELECT format, files FROM index_files WHERE repository = ?')
        .get(repository);
      if (row === undefined) return undefined;
      const format = row['format'] === 'zstd' ? 'zstd' : 'gzip';
      const files: PerType<WrittenFile> = JSON.parse(String(row['files']));
      const groups = this.#database
        .prepare('SELECT packages, segments FROM index_group WHERE repository = ?')
        .all(repository)
        .map((group) => fromRow(String(group['packages']), String(group['segments'])))
        // Here, because SQLite compares bytes of UTF-8, which is another order beyond U+FFFF.
        .toSorted((a, b) => (readFirstLocation(a) < readFirstLocation(b) ? -1 : 1));
      return placeGroups({ format, files, groups }, repositoryDir);
    } catch {
      this.#startAnew();
      return undefined;
    }
  }
}

/** The same groups where they are in the state's files. */
export function placeGroups(
  state: {
    readonly format: IndexFormatName;
    readonly files: PerType<WrittenFile>;
    readonly groups: readonly { packages: readonly IndexedPackage[]; segments: PerType<Segment> }[];
  },
  repositoryDir: string,
): IndexState {
  const { format, files } = state;
  const paths = perType((type) => join(repositoryDir, files[type].file.href));
  const ends = new Map(PACKAGE_METADATA_TYPES.map((type) => [type, files[type].groupsOffset]));
  const groups = state.groups.map(({ packages, segments }) => ({
    packages,
    segments: perType((type) => {
      const { lengthBytes, crc32, openBytes, openCrc32 } = segments[type];
      const offset = ends.get(type) ?? 0;
      ends.set(type, offset + lengthBytes);
      return { lengthBytes, crc32, openBytes, openCrc32, path: paths[type], offset, format };
    }),
  }));
  return { format, files, groups };
}

function readFirstLocation({ packages }: { readonly packages: readonly IndexedPackage[] }): string {
  return packages[0]?.location ?? '';
}

function isStateFor(state: IndexState, { data }: Repomd): boolean {
  return PACKAGE_METADATA_TYPES.every((type) => {
    const published = data.find((one) => one.type === type);
    const { href, sha256 } = state.files[type].file;
    return published?.href === href && published.checksum.hex === sha256;
  });
}

/** What the files hold is checked when it is copied. */
function isOnDisk({ files }: IndexState, repositoryDir: string): boolean {
  return PACKAGE_METADATA_TYPES.every((type) => {
    const { href, sizeBytes } = files[type].file;
    return statSync(join(repositoryDir, href), { throwIfNoEntry: false })?.size === sizeBytes;
  });
}

function toRow({ packages, segments }: PackageGroup): {
  readonly packages: string;
  readonly segments: string;
} {
  return {
    packages: JSON.stringify(
      packages.map(({ location, pkgid, identity, textBytes }) => [
        location,
        pkgid,
        identity,
        ...PACKAGE_METADATA_TYPES.map((type) => textBytes[type]),
      ]),
    ),
    segments: JSON.stringify(
      perType((type) => {
        const { lengthBytes, crc32, openBytes, openCrc32 } = segments[type];
        return { lengthBytes, crc32, openBytes, openCrc32 };
      }),
    ),
  };
}

function fromRow(
  packages: string,
  segments: string,
): { readonly packages: readonly IndexedPackage[]; readonly segments: PerType<Segment> } {
  const rows: readonly [string, string, string, number, number, number][] = JSON.parse(packages);
  return {
    packages: rows.map(([location, pkgid, identity, primary, filelists, other]) => ({
      location,
      pkgid,
      identity,
      textBytes: { primary, filelists, other },
    })),
    segments: JSON.parse(segments),
  };
}

function openDatabase(path: string): DatabaseSync {
  try {
    return openExisting(path);
  } catch {
    removeDatabase(path);
    return openExisting(path);
  }
}

function openExisting(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
    if (version === FORMAT_VERSION) return database;
    database.exec('BEGIN IMMEDIATE; DROP TABLE IF EXISTS index_files; DROP TABLE IF EXISTS index_group;');
    database.exec(`${TABLES} PRAGMA user_version = ${FORMAT_VERSION}; COMMIT`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}
