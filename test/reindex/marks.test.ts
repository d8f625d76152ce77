import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMarks } from '../../src/reindex/marks.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let root: TempDir;
beforeEach(async () => void (root = await createTempDir()));
afterEach(() => root.remove());

describe('a mark', () => {
  it('is there for the next process until it is cleared', async () => {
    const marks = await openMarks(root.path);
    await marks.set('9/x86_64');
    await marks.set('amzn2023/aarch64');
    expect([...(await (await openMarks(root.path)).list())].toSorted()).toEqual([
      '9/x86_64',
      'amzn2023/aarch64',
    ]);
    await marks.clear('9/x86_64');
    expect(await marks.list()).toEqual(['amzn2023/aarch64']);
  });

  it('may be set and cleared twice', async () => {
    const marks = await openMarks(root.path);
    await marks.set('9/x86_64');
    await marks.set('9/x86_64');
    await marks.clear('9/x86_64');
    await expect(marks.clear('9/x86_64')).resolves.toBeUndefined();
  });
});
