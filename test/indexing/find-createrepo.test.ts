import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCreaterepo } from '../../src/indexing/find-createrepo.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let root: TempDir;
beforeEach(async () => {
  root = await createTempDir();
  const path = join(root.path, 'createrepo_c');
  await writeFile(path, '');
  await chmod(path, 0o755);
});
afterEach(() => root.remove());

describe('the engine to run', () => {
  it('is the configured one when it is installed', async () => {
    expect(await findCreaterepo('createrepo_c', `/nonexistent:${root.path}`)).toBe(
      join(root.path, 'createrepo_c'),
    );
  });

  it('is createrepo_c for a configured createrepo where only that exists', async () => {
    expect(await findCreaterepo('/nonexistent/createrepo', root.path)).toBe(join(root.path, 'createrepo_c'));
  });

  it('is none when neither is installed, and none for any other missing name', async () => {
    expect(await findCreaterepo('createrepo', '/nonexistent')).toBeUndefined();
    expect(await findCreaterepo('mkrepo', root.path)).toBeUndefined();
  });
});
