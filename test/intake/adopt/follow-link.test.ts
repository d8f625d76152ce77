import { lstatSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { followLink } from '../../../src/intake/adopt/follow-link.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;
const at = (name: string) => join(dir.path, name);
beforeEach(async () => {
  dir = await createTempDir();
  await writeFile(at('file.rpm'), 'a package');
  await mkdir(at('directory'));
  await symlink('file.rpm', at('link.rpm'));
  await symlink('link.rpm', at('twice.rpm'));
});
afterEach(() => dir.remove());

it('leads to the regular file behind any number of links', () => {
  expect(followLink(at('link.rpm'))).toBe(at('file.rpm'));
  expect(followLink(at('twice.rpm'))).toBe(at('file.rpm'));
});

it('leads to no directory, to nothing that is not there, and not round in circles', async () => {
  await symlink('directory', at('to-directory'));
  await symlink('nothing', at('dangling'));
  await symlink('circle', at('circle'));
  for (const name of ['to-directory', 'dangling', 'circle', 'none'])
    expect(followLink(at(name))).toBeUndefined();
});

it('follows no link of a user other than root and this one', () => {
  const { uid } = lstatSync(at('link.rpm'));
  // Root's own are followed for every user.
  expect(followLink(at('link.rpm'), uid + 1)).toBe(uid === 0 ? at('file.rpm') : undefined);
});
