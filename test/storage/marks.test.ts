import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMarks } from '../../src/storage/marks.ts';
import { syncedPathsOf } from '../support/synced-paths.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const MODULE = new URL('../../src/storage/marks.ts', import.meta.url).href;

let root: TempDir;
beforeEach(async () => void (root = await createTempDir()));
afterEach(() => root.remove());

describe('a mark', () => {
  it('is there for the next process until it is cleared', async () => {
    const marks = await openMarks(root.path);
    await marks.set(repo('9/x86_64'));
    await marks.set(repo('amzn2023/aarch64'));
    expect([...(await (await openMarks(root.path)).list())].toSorted()).toEqual([
      '9/x86_64',
      'amzn2023/aarch64',
    ]);
    await marks.clear(repo('9/x86_64'));
    expect(await marks.list()).toEqual(['amzn2023/aarch64']);
  });

  it('cannot be set where the directory is something else, which a check says before', async () => {
    const path = join(root.path, 'marks');
    const marks = await openMarks(path);
    await marks.check();
    await rm(path, { recursive: true });
    await marks.check();
    await rm(path, { recursive: true });
    await writeFile(path, '');
    await expect(marks.check()).rejects.toThrow(/EEXIST|ENOTDIR/);
    await expect(marks.set(repo('9/x86_64'))).rejects.toThrow(/EEXIST|ENOTDIR/);
  });

  it('is on the disk when it is set', async () => {
    const path = join(root.path, 'marks');
    const synced = await syncedPathsOf(`
      const { openMarks } = await import('${MODULE}');
      await (await openMarks('${path}')).set('9/x86_64');
    `);
    // The name of the directory first, then those in it.
    expect(synced).toEqual([root.path, path]);
  });

  it('may be set and cleared twice', async () => {
    const marks = await openMarks(root.path);
    await marks.set(repo('9/x86_64'));
    await marks.set(repo('9/x86_64'));
    await marks.clear(repo('9/x86_64'));
    await expect(marks.clear(repo('9/x86_64'))).resolves.toBeUndefined();
  });
});
