import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BatchMember, memberFile, openBatchStore } from '../../src/batches/batch-store.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;
let batchesDir: string;
beforeEach(async () => {
  dir = await createTempDir();
  batchesDir = join(dir.path, 'batches');
});
afterEach(() => dir.remove());

function member(name: string, releasever = '9'): BatchMember {
  const targets = [{ repository: `${releasever}/x86_64`, location: `Packages/${name}.rpm` }];
  const sha256 = Buffer.from(name).toString('hex').padEnd(64, '0');
  return { file: memberFile(sha256, targets), nevra: name, sha256, sizeBytes: 1, targets, signatures: {} };
}

async function add(
  store: Awaited<ReturnType<typeof openBatchStore>>,
  id: string,
  one: BatchMember,
): Promise<void> {
  const path = join(dir.path, `incoming-${one.nevra}`);
  await writeFile(path, one.nevra);
  await store.add(id, path, one);
}

describe('the batches on disk', () => {
  test('are the same to the next process', async () => {
    const store = await openBatchStore(batchesDir);
    await add(store, 'a', member('x'));
    await add(store, 'a', member('x', '8'));
    await add(store, 'b', member('y'));
    await store.decide('b', [member('y')]);
    const next = await openBatchStore(batchesDir);
    expect(await next.read('a')).toMatchObject({
      state: 'staged',
      members: [{ nevra: 'x' }, { nevra: 'x' }],
    });
    expect(await next.repositoriesOf('a')).toEqual(['8/x86_64', '9/x86_64']);
    expect(next.listUnplaced()).toEqual(['b']);
    expect(next.listUnplaced('8/x86_64')).toEqual([]);
    await next.finish('b');
    expect(next.listUnplaced()).toEqual([]);
    expect(await readdir(join(batchesDir, 'b'))).toEqual(['placed.json']);
    expect(await next.read('b')).toMatchObject({ state: 'committed', members: [{ nevra: 'y' }] });
  });

  test('that a kill left half dropped, or without a member, are not there', async () => {
    const store = await openBatchStore(batchesDir);
    await add(store, 'a', member('x'));
    await mkdir(join(batchesDir, '.0b9a'));
    await mkdir(join(batchesDir, 'empty'));
    const next = await openBatchStore(batchesDir);
    expect(await next.read('empty')).toBeUndefined();
    expect((await next.listStatus()).map(({ id }) => id)).toEqual(['a', 'empty']);
    expect((await readdir(batchesDir)).toSorted()).toEqual(['a', 'empty']);
  });

  test('that are damaged are named, and keep nobody else from theirs', async () => {
    const store = await openBatchStore(batchesDir);
    for (const id of ['torn', 'lost', 'good']) await add(store, id, member('x'));
    const facts = member('x').file.replace(/\.rpm$/, '.json');
    await truncate(join(batchesDir, 'torn', facts), 10);
    await writeFile(join(batchesDir, 'notes.txt'), 'of a person');
    const next = await openBatchStore(batchesDir);
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
      const store = await openBatchStore(batchesDir);
      await add(store, 'a', member('x'));
      await writeFile(join(batchesDir, 'a/decision.json'), text);
      await expect(openBatchStore(batchesDir)).rejects.toMatchObject({
        code: 'TREE_UNUSABLE',
        message: expect.stringContaining('a/decision.json'),
      });
    },
  );

  test('take no other name than one of ours', async () => {
    const store = await openBatchStore(batchesDir);
    for (const id of ['..', '.', '../incoming', 'a/b', '']) {
      expect(await store.read(id)).toBeUndefined();
      expect(await store.statusOf(id)).toBeUndefined();
    }
  });
});
