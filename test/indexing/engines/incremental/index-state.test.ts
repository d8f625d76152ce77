import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type IndexState,
  IndexStates,
  placeGroups,
} from '../../../../src/indexing/engines/incremental/index-state.ts';
import { type PackageGroup, perType } from '../../../../src/indexing/engines/incremental/package-group.ts';
import { parseRepomd, renderRepomd, type Repomd } from '../../../../src/rpm/repodata/repomd.ts';
import { PACKAGE_METADATA_TYPES } from '../../../../src/rpm/repodata/metadata-envelope.ts';
import { indexedPackage, packageGroup } from '../../../support/index-groups.ts';
import { createRandom } from '../../../support/random.ts';
import { createTempDir, type TempDir } from '../../../support/temp-dir.ts';
import { repo } from '../../../support/repo.ts';

const REPOSITORY = repo('9/x86_64');

let root: TempDir;
let opened: IndexStates[];

beforeEach(async () => {
  root = await createTempDir();
  opened = [];
  await mkdir(join(root.path, 'state'));
  await mkdir(join(repositoryDir(), 'repodata'), { recursive: true });
});
afterEach(async () => {
  for (const states of opened) states.close();
  await root.remove();
});

const repositoryDir = (repository = REPOSITORY): string => join(root.path, 'storage', repository);
const databasePath = (): string => join(root.path, 'state', 'index.sqlite');

/** As a thread of its own has it. */
function open(): IndexStates {
  const states = new IndexStates(join(root.path, 'state'));
  opened.push(states);
  return states;
}

const group = (...locations: readonly string[]): PackageGroup =>
  packageGroup(locations.map((location) => indexedPackage(location, 300)));

interface Published {
  readonly state: IndexState;
  readonly repomd: Repomd;
}

/** Three files and the state that belongs to them; `version` decides what they hold. */
async function publish(
  version: string,
  groups: readonly PackageGroup[],
  repository = REPOSITORY,
): Promise<Published> {
  await mkdir(join(repositoryDir(repository), 'repodata'), { recursive: true });
  const written = [];
  for (const type of PACKAGE_METADATA_TYPES) {
    const content = `${version} ${type}`;
    const sha256 = createHash('sha256').update(content).digest('hex');
    const href = `repodata/${sha256}-${type}.xml.gz`;
    await writeFile(join(repositoryDir(repository), href), content);
    const file = { type, href, sha256, sizeBytes: content.length, openSizeBytes: 9, timestampSeconds: 1_000 };
    written.push({ file, groupsOffset: 7 });
  }
  const [primary, filelists, other] = written;
  if (primary === undefined || filelists === undefined || other === undefined) throw new Error('no files');
  const state = placeGroups(
    { format: 'gzip', files: { primary, filelists, other }, groups },
    repositoryDir(repository),
  );
  const files = written.map(({ file }) => file);
  return { state, repomd: parseRepomd(renderRepomd({ revision: '1', files, carriedXml: [] })) };
}

function load(states: IndexStates, { repomd }: Published, repository = REPOSITORY): IndexState | undefined {
  return states.load(repository, repositoryDir(repository), repomd);
}

describe('a state', () => {
  it('that was saved is loaded by another instance as it was', async () => {
    const one = await publish('one', [group('a', 'b'), group('c')]);
    open().save(REPOSITORY, one.state, undefined);
    expect(load(open(), one)).toEqual(one.state);
  });

  it('of zstd files is loaded as such', async () => {
    const one = await publish('one', [packageGroup([indexedPackage('a', 300)], 'zstd')]);
    const state = placeGroups({ ...one.state, format: 'zstd' }, repositoryDir());
    open().save(REPOSITORY, state, undefined);
    expect(load(open(), one)).toEqual(state);
  });

  it('has its groups side by side in the files, behind the opening tag', async () => {
    const { state } = await publish('one', [group('a', 'b'), group('c'), group('d', 'e', 'f')]);
    expect(state.groups.map(({ segments }) => segments.other.offset)).toEqual([7, 27, 37]);
    expect(state.groups.map(({ segments }) => segments.other.path)).toEqual(
      state.groups.map(() => join(repositoryDir(), state.files.other.file.href)),
    );
  });

  it('that follows another one replaces what changed and nothing else', async () => {
    const states = open();
    const [first, second, third] = [group('a'), group('c'), group('e')];
    const one = await publish('one', [first, second, third]);
    states.save(REPOSITORY, one.state, undefined);
    const [kept, , last] = one.state.groups;
    if (kept === undefined || last === undefined) throw new Error('expected three groups');
    const two = await publish('two', [kept, group('c', 'd'), last]);
    states.save(REPOSITORY, two.state, one.state);
    expect(load(open(), two)).toEqual(two.state);
    const three = await publish('three', [kept]);
    states.save(REPOSITORY, three.state, two.state);
    expect(load(open(), three)).toEqual(three.state);
  });

  it('is loaded in order of location also where that order is not that of the bytes', async () => {
    // U+1F600 comes before U+FF01 in UTF-16, and after it in UTF-8, which SQLite compares.
    const one = await publish('one', [group('Packages/\u{1f600}.rpm'), group('Packages/\uff01.rpm', 'z')]);
    open().save(REPOSITORY, one.state, undefined);
    expect(load(open(), one)).toEqual(one.state);
  });

  it('of one repository is not that of another', async () => {
    const states = open();
    const one = await publish('one', [group('a')]);
    const other = await publish('other', [group('b')], repo('9/aarch64'));
    states.save(REPOSITORY, one.state, undefined);
    states.save(repo('9/aarch64'), other.state, undefined);
    const again = open();
    expect(load(again, one)).toEqual(one.state);
    expect(load(again, other, repo('9/aarch64'))).toEqual(other.state);
    expect(again.load(repo('9/ppc64le'), repositoryDir(), one.repomd)).toBeUndefined();
  });

  it('that was saved but never published gives way to the former one in this process', async () => {
    const states = open();
    const one = await publish('one', [group('a')]);
    states.save(REPOSITORY, one.state, undefined);
    const two = await publish('two', [group('a'), group('b')]);
    states.save(REPOSITORY, two.state, one.state);
    expect(load(states, one)).toBe(one.state);
    // The next one is written against what the database holds, which is the one that was not published.
    const three = await publish('three', [...one.state.groups, group('c')]);
    states.save(REPOSITORY, three.state, one.state);
    expect(load(open(), three)).toEqual(three.state);
  });
});

describe('a state that is not believed', () => {
  it.each(PACKAGE_METADATA_TYPES)('belongs to another %s than repomd.xml names', async (type) => {
    const states = open();
    const one = await publish('one', [group('a')]);
    states.save(REPOSITORY, one.state, undefined);
    const two = await publish('two', [group('a')]);
    const data = one.repomd.data.map((entry) =>
      entry.type === type ? (two.repomd.data.find((other) => other.type === type) ?? entry) : entry,
    );
    const mixed = { ...one, repomd: { ...one.repomd, data } };
    expect(load(states, mixed)).toBeUndefined();
    expect(load(open(), mixed)).toBeUndefined();
    expect(load(open(), one)).toEqual(one.state);
  });

  it('belongs to a file of the same name and another checksum', async () => {
    const one = await publish('one', [group('a')]);
    open().save(REPOSITORY, one.state, undefined);
    const data = one.repomd.data.map((entry) => ({
      ...entry,
      checksum: { ...entry.checksum, hex: 'f'.repeat(64) },
    }));
    expect(load(open(), { ...one, repomd: { ...one.repomd, data } })).toBeUndefined();
  });

  it.each(PACKAGE_METADATA_TYPES)('belongs to a %s that is not there', async (type) => {
    const states = open();
    const one = await publish('one', [group('a')]);
    states.save(REPOSITORY, one.state, undefined);
    await rm(join(repositoryDir(), one.state.files[type].file.href));
    expect(load(states, one)).toBeUndefined();
    expect(load(open(), one)).toBeUndefined();
  });

  it.each(PACKAGE_METADATA_TYPES)('belongs to a %s of another size', async (type) => {
    const states = open();
    const one = await publish('one', [group('a')]);
    states.save(REPOSITORY, one.state, undefined);
    await writeFile(join(repositoryDir(), one.state.files[type].file.href), 'longer than it was before');
    expect(load(states, one)).toBeUndefined();
    expect(load(open(), one)).toBeUndefined();
  });
});

describe('the database', () => {
  async function saved(): Promise<Published> {
    const one = await publish('one', [group('a', 'b'), group('c')]);
    const states = open();
    states.save(REPOSITORY, one.state, undefined);
    states.close();
    opened = [];
    return one;
  }

  async function expectUsable(states: IndexStates): Promise<void> {
    const two = await publish('two', [group('x')]);
    states.save(REPOSITORY, two.state, undefined);
    expect(load(open(), two)).toEqual(two.state);
  }

  it('that was removed is made again', async () => {
    const one = await saved();
    await rm(databasePath());
    const states = open();
    expect(load(states, one)).toBeUndefined();
    await expectUsable(states);
  });

  it.each([
    ['text', () => Buffer.from('this is no database '.repeat(1000))],
    ['nothing', () => Buffer.alloc(0)],
    ['zeros', () => Buffer.alloc(20_000)],
    ['the first page only', (bytes: Buffer) => bytes.subarray(0, 4096)],
  ])('that became %s is thrown away', async (_, damage) => {
    const one = await saved();
    await writeFile(databasePath(), damage(await readFile(databasePath())));
    const states = open();
    expect(load(states, one)).toBeUndefined();
    await expectUsable(states);
  });

  // What it gives may be wrong: every byte that a state leads to is checked when it is copied.
  it('with random bytes anywhere is read and written without an error', async () => {
    const one = await saved();
    const whole = await readFile(databasePath());
    const random = createRandom(3);
    let thrownAway = 0;
    for (let round = 0; round < 100; round += 1) {
      const bytes = Buffer.from(whole);
      const start = random.below(bytes.length);
      for (let offset = start; offset < Math.min(bytes.length, start + 40); offset += 1) {
        bytes.writeUInt8(random.below(256), offset);
      }
      await writeFile(databasePath(), bytes);
      const states = open();
      if (load(states, one) === undefined) thrownAway += 1;
      const two = await publish('two', [group('x'), group('y')]);
      expect(() => states.save(REPOSITORY, two.state, undefined)).not.toThrow();
      expect(() => load(open(), two)).not.toThrow();
      for (const each of opened.splice(0)) each.close();
      for (const suffix of ['', '-wal', '-shm']) await rm(`${databasePath()}${suffix}`, { force: true });
    }
    expect(thrownAway).toBeGreaterThan(5);
  });

  it('that is damaged while it is open is made again by the next save', async () => {
    await saved();
    const states = open();
    const bytes = await readFile(databasePath());
    // The first page, which holds the tables' names, stays.
    await writeFile(databasePath(), bytes.fill(0xff, 4096));
    await expectUsable(states);
  });

  it('of another format version is thrown away', async () => {
    const one = await saved();
    const database = new DatabaseSync(databasePath());
    const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
    database.exec(`PRAGMA user_version = ${version + 1}`);
    database.close();
    const states = open();
    expect(load(states, one)).toBeUndefined();
    await expectUsable(states);
  });

  it('whose tables lack a column is thrown away', async () => {
    const one = await saved();
    const database = new DatabaseSync(databasePath());
    database.exec('ALTER TABLE index_group DROP COLUMN segments');
    database.close();
    const states = open();
    expect(load(states, one)).toBeUndefined();
    await expectUsable(states);
  });
});

describe('two threads', () => {
  it('see what the other one wrote, and write over it in whole', async () => {
    const mine = open();
    const theirs = open();
    const one = await publish('one', [group('a'), group('c')]);
    mine.save(REPOSITORY, one.state, undefined);
    expect(load(theirs, one)).toEqual(one.state);

    const two = await publish('two', [group('a'), group('b'), group('d')]);
    theirs.save(REPOSITORY, two.state, one.state);
    expect(load(mine, two)).toEqual(two.state);

    // This one still believes that the database holds what it saw last.
    const three = await publish('three', [...two.state.groups.slice(0, 1), group('e')]);
    theirs.save(REPOSITORY, three.state, two.state);
    const four = await publish('four', two.state.groups.slice(1));
    mine.save(REPOSITORY, four.state, two.state);
    expect(load(open(), four)).toEqual(four.state);
  });

  it('leave the database free when one is ended in the middle of a write', async () => {
    const one = await publish('one', [group('a')]);
    open().save(REPOSITORY, one.state, undefined);
    const code = `
      const { DatabaseSync } = require('node:sqlite');
      const database = new DatabaseSync(${JSON.stringify(databasePath())});
      database.exec("BEGIN IMMEDIATE; DELETE FROM index_group");
      require('node:worker_threads').parentPort.postMessage('deleted');
      setInterval(() => undefined, 1000);
    `;
    const worker = new Worker(code, { eval: true });
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    const states = open();
    expect(load(states, one)).toEqual(one.state);
    const two = await publish('two', [group('b')]);
    states.save(REPOSITORY, two.state, one.state);
    expect(load(open(), two)).toEqual(two.state);
  });
});

describe('memory', () => {
  it('is not needed for a state that was loaded before: it is the same object again', async () => {
    const one = await publish('one', [group('a')]);
    open().save(REPOSITORY, one.state, undefined);
    const states = open();
    const loaded = load(states, one);
    expect(load(states, one)).toBe(loaded);
  });

  it('holds no more than some repositories of many packages; the others are read again', async () => {
    const states = open();
    const many = (prefix: string): PackageGroup =>
      packageGroup(Array.from({ length: 160_000 }, (_, number) => indexedPackage(`${prefix}${number}`, 3)));
    const first = await publish('first', [many('a')], repo('9/a'));
    const second = await publish('second', [many('b')], repo('9/b'));
    states.save(repo('9/a'), first.state, undefined);
    states.save(repo('9/b'), second.state, undefined);
    expect(load(states, second, repo('9/b'))).toBe(second.state);
    const again = load(states, first, repo('9/a'));
    expect(again).not.toBe(first.state);
    expect(again?.groups[0]?.packages).toHaveLength(160_000);
  });
});

it('the places of groups follow from the lengths before them, in each file on its own', () => {
  const groups = [group('a'), group('b')].map((one, index) => ({
    ...one,
    segments: perType((type) => ({ ...one.segments[type], lengthBytes: (index + 1) * type.length })),
  }));
  const file = {
    type: 'primary',
    href: 'x',
    sha256: '',
    sizeBytes: 1,
    openSizeBytes: 1,
    timestampSeconds: 1,
  };
  const files = perType(() => ({ file, groupsOffset: 100 }));
  const placed = placeGroups({ format: 'gzip', files, groups }, '/r');
  expect(placed.groups.map(({ segments }) => perType((type) => segments[type].offset))).toEqual([
    { primary: 100, filelists: 100, other: 100 },
    { primary: 107, filelists: 109, other: 105 },
  ]);
});
