import { chmod, link, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { identityAt } from '../../../src/base/files/file-identity.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;

beforeEach(async () => {
  dir = await createTempDir();
});
afterEach(() => dir.remove());

async function put(name: string, content = 'content'): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, content);
  return path;
}

describe('identityAt', () => {
  it('stays when the file gets another name or other rights', async () => {
    const path = await put('a.rpm');
    const before = identityAt(path);
    await link(path, join(dir.path, 'b.rpm'));
    await chmod(path, 0o640);
    expect(identityAt(path)).toBe(before);
    expect(identityAt(join(dir.path, 'b.rpm'))).toBe(before);
  });

  it('changes with the size, the time and the file', async () => {
    const path = await put('a.rpm', 'same size');
    const seen = new Set([identityAt(path)]);
    const { atime, mtime } = await stat(path);
    await truncate(path, 4);
    await utimes(path, atime, mtime);
    seen.add(identityAt(path));
    await utimes(path, atime, new Date(mtime.getTime() + 1));
    seen.add(identityAt(path));
    const other = await put('other.rpm', 'same');
    await utimes(other, atime, new Date(mtime.getTime() + 1));
    await rename(other, path);
    seen.add(identityAt(path));
    expect(seen.size).toBe(4);
  });

  it('is undefined for a name that leads nowhere', async () => {
    const path = await put('a.rpm');
    await rm(path);
    expect(identityAt(path)).toBeUndefined();
  });
});
