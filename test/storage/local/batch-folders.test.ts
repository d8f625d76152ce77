import { mkdir, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BatchMember, type BatchSummary, memberFile } from '../../../src/storage/batch-store.ts';
import { BatchFolders } from '../../../src/storage/local/batch-folders.ts';
import { syncedPathsOf } from '../../support/synced-paths.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';
import { repo } from '../../support/repo.ts';

const MODULE = new URL('../../../src/storage/local/batch-folders.ts', import.meta.url).href;

let dir: TempDir;
let batchesDir: string;
beforeEach(async () => {
  dir = await createTempDir();
  batchesDir = join(dir.path, 'batches');
});
afterEach(() => dir.remove());

function member(name: string, releasever = '9'): BatchMember {
  const targets = [{ repository: repo(`${releasever}/x86_64`), location: `Packages/${name}.rpm` }];
  const sha256 = Buffer.from(name).toString('hex').padEnd(64, '0');
  return { file: memberFile(sha256, targets), nevra: name, sha256, sizeBytes: 1, targets, signatures: {} };
}

async function add(store: BatchFolders, id: string, one: BatchMember, owner = 'token ci'): Promise<void> {
  const path = join(dir.path, `incoming-${one.nevra}`);
  await writeFile(path, one.nevra);
  await store.add(id, { path, owner }, one);
}

async function summaryOf(store: BatchFolders, id: string): Promise<BatchSummary | undefined> {
  const status = await store.statusOf(id);
  return status === undefined ? undefined : store.summarise(status);
}

describe('the batches on disk', () => {
  test('are the same to the next process', async () => {
    const store = await BatchFolders.open(batchesDir);
    await add(store, 'a', member('x'));
    await add(store, 'a', member('x', '8'));
    await add(store, 'b', member('y'));
    await store.decide('b', [member('y')]);
    const next = await BatchFolders.open(batchesDir);
    expect(await next.read('a')).toMatchObject({
      state: 'staged',
      members: [{ nevra: 'x' }, { nevra: 'x' }],
    });
    expect(await summaryOf(next, 'a')).toMatchObject({
      repositories: ['8/x86_64', '9/x86_64'],
      packageCount: 2,
    });
    expect(await next.listUnplaced()).toEqual(['b']);
    expect(next.unplacedIn(repo('8/x86_64'))).toEqual([]);
    await next.finish('b');
    expect(await next.listUnplaced()).toEqual([]);
    expect(await readdir(join(batchesDir, 'b'))).toEqual(['owner', 'placed.json']);
    expect(await next.read('b')).toMatchObject({ state: 'committed', members: [{ nevra: 'y' }] });
  });

  test('that a kill left half dropped, or without a member, are not there', async () => {
    const store = await BatchFolders.open(batchesDir);
    await add(store, 'a', member('x'));
    await mkdir(join(batchesDir, '.0b9a'));
    await mkdir(join(batchesDir, 'empty'));
    const next = await BatchFolders.open(batchesDir);
    expect(await next.read('empty')).toBeUndefined();
    expect((await next.listStatus()).map(({ id }) => id)).toEqual(['a', 'empty']);
    expect((await readdir(batchesDir)).toSorted()).toEqual(['a', 'empty']);
  });

  test('that are damaged are named, and keep no other owner from theirs', async () => {
    const store = await BatchFolders.open(batchesDir);
    for (const id of ['torn', 'lost', 'good']) await add(store, id, member('x'));
    const facts = member('x').file.replace(/\.rpm$/, '.json');
    await truncate(join(batchesDir, 'torn', facts), 10);
    await writeFile(join(batchesDir, 'notes.txt'), 'of a person');
    const next = await BatchFolders.open(batchesDir);
    await expect(next.read('torn')).rejects.toMatchObject({
      code: 'STORAGE_FAILED',
      message: expect.stringContaining(facts),
    });
    expect(await next.read('good')).toMatchObject({ state: 'staged' });
    await next.drop('torn');
    expect(await next.read('torn')).toBeUndefined();
  });

  test.each(['[{"fi', '{}', ''])(
    'with the damaged decision %j keep the tree from being used',
    async (text) => {
      const store = await BatchFolders.open(batchesDir);
      await add(store, 'a', member('x'));
      await writeFile(join(batchesDir, 'a/decision.json'), text);
      await expect(BatchFolders.open(batchesDir)).rejects.toMatchObject({
        code: 'TREE_UNUSABLE',
        message: expect.stringContaining('a/decision.json'),
      });
    },
  );

  test('take no other name than one of ours', async () => {
    const store = await BatchFolders.open(batchesDir);
    for (const id of ['..', '.', '../incoming', 'a/b', '']) {
      expect(await store.read(id)).toBeUndefined();
      expect(await store.statusOf(id)).toBeUndefined();
    }
  });
});

describe('a package that comes to a batch', () => {
  test('makes it as new as itself, also one that it has already', async () => {
    const store = await BatchFolders.open(batchesDir);
    await add(store, 'a', member('x'));
    await utimes(join(batchesDir, 'a'), 1, 1);
    expect(await store.statusOf('a')).toMatchObject({ changedAtMs: 1_000 });
    const before = Date.now();
    await add(store, 'a', member('x'));
    // The clock of files stands still for some milliseconds.
    expect((await store.statusOf('a'))?.changedAtMs).toBeGreaterThan(before - 1_000);
  });

  test('is durable with every name that leads to it, also those of an earlier process', async () => {
    const path = join(dir.path, 'incoming');
    await writeFile(path, 'x');
    await mkdir(join(batchesDir, 'a'), { recursive: true });
    const one = member('x');
    const synced = await syncedPathsOf(`
      const { BatchFolders } = await import('${MODULE}');
      const store = await BatchFolders.open(${JSON.stringify(batchesDir)});
      await store.add('a', { path: ${JSON.stringify(path)}, owner: 'token ci' }, ${JSON.stringify(one)});
    `);
    const facts = join(batchesDir, 'a', `.${one.file.replace('.rpm', '.json')}.new`);
    const directory = join(batchesDir, 'a');
    // The last two: of the package's own name, and of that of a directory which another process made.
    expect(synced).toEqual([facts, directory, directory, batchesDir]);
  });
});

describe('the quotas of batches', () => {
  const quotas = { staged: { each: 2, together: 3 }, committed: { each: 2, together: 3 }, members: 2 };

  async function commitOne(store: BatchFolders, id: string, owner: string): Promise<void> {
    await add(store, id, member(id), owner);
    await store.decide(id, [member(id)]);
    await store.finish(id);
  }

  test('refuse an owner with enough staged ones, not another, and leave nothing of what they refused', async () => {
    const store = await BatchFolders.open(batchesDir, quotas);
    for (const id of ['a1', 'a2']) await add(store, id, member('x'), 'alice');
    await expect(add(store, 'a3', member('x'), 'alice')).rejects.toMatchObject({ code: 'QUOTA_REACHED' });
    await add(store, 'b1', member('x'), 'bob');
    await expect(add(store, 'c1', member('x'), 'carol')).rejects.toMatchObject({ details: { limit: 3 } });
    expect((await readdir(batchesDir)).toSorted()).toEqual(['a1', 'a2', 'b1']);
    // What is there goes on, from any sender.
    await add(store, 'a1', member('y'), 'alice');
    await add(store, 'a2', member('y'), 'bob');
    await store.decide('a1', [member('x'), member('y')]);
  });

  test('count what is there after a restart, and those of an earlier version for all together', async () => {
    const store = await BatchFolders.open(batchesDir, quotas);
    await add(store, 'a1', member('x'), 'alice');
    await add(store, 'a2', member('x'), 'alice');
    await rm(join(batchesDir, 'a2', 'owner'));
    const next = await BatchFolders.open(batchesDir, quotas);
    await add(next, 'a3', member('x'), 'alice');
    await expect(add(next, 'a4', member('x'), 'alice')).rejects.toMatchObject({ details: { limit: 2 } });
    await expect(add(next, 'b1', member('x'), 'bob')).rejects.toMatchObject({ details: { limit: 3 } });
  });

  test.each(['dropped', 'committed'])('make room for another when one was %s', async (how) => {
    const store = await BatchFolders.open(batchesDir, quotas);
    await add(store, 'a1', member('x'), 'alice');
    if (how === 'dropped') await store.drop('a1');
    else await commitOne(store, 'a1', 'alice');
    for (const id of ['a2', 'a3']) await add(store, id, member('x'), 'alice');
    expect((await store.listStatus()).filter(({ state }) => state === 'staged')).toHaveLength(2);
  });

  test('name the oldest committed ones of an owner that are too many, and never refuse a commit', async () => {
    const store = await BatchFolders.open(batchesDir, quotas);
    await commitOne(store, 'b1', 'bob');
    for (const id of ['a1', 'a2', 'a3', 'a4']) await commitOne(store, id, 'alice');
    expect(await store.listSurplus()).toEqual(['a1', 'a2']);
    for (const [index, id] of ['a1', 'a2', 'a3', 'a4'].entries()) {
      await utimes(join(batchesDir, id), index, index);
    }
    const next = await BatchFolders.open(batchesDir, quotas);
    expect(await next.listSurplus()).toEqual(['a1', 'a2']);
    for (const id of await next.listSurplus()) await next.drop(id);
    expect(await next.listSurplus()).toEqual([]);
  });

  test('refuse one more package in a batch, not one that it has', async () => {
    const store = await BatchFolders.open(batchesDir, quotas);
    for (const name of ['x', 'y']) await add(store, 'a', member(name));
    const next = await BatchFolders.open(batchesDir, quotas);
    await add(next, 'a', member('x'));
    await expect(add(next, 'a', member('z'))).rejects.toMatchObject({
      code: 'QUOTA_REACHED',
      details: { quota: 'membersOfBatch', limit: 2 },
    });
    expect(await summaryOf(next, 'a')).toMatchObject({ packageCount: 2, sizeBytes: 2 });
  });
});
