import { chmod, chown, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { lacks } from '../support/lacks.ts';
import { createTempDir } from '../support/temp-dir.ts';

/** Of nobody and nogroup on every distribution. */
const NOBODY = 65_534;
const BECOME_OWNER = fileURLToPath(new URL('../../src/cli/become-owner.ts', import.meta.url));
const WHO = `({
  uid: process.geteuid(),
  gid: process.getegid(),
  groups: process.getgroups(),
  home: process.env.HOME,
  temporary: os.tmpdir(),
  directory: process.cwd(),
})`;

/** What root becomes over three folders below a directory that every user may enter. */
async function becomeOwnerOf(prepare: (directory: string) => Promise<void>) {
  await using dir = await createTempDir();
  await chmod(dir.path, 0o755);
  const folders = ['storage', 'state', 'spool'].map((name) => join(dir.path, name));
  for (const folder of folders) {
    await mkdir(folder);
    await chown(folder, NOBODY, NOBODY);
  }
  await prepare(dir.path);
  const source = `
    import os from 'node:os';
    import { becomeOwner } from ${JSON.stringify(BECOME_OWNER)};
    process.setgroups([0, 4]);
    try {
      becomeOwner(${JSON.stringify(folders)});
    } catch ({ code }) {
      console.log(JSON.stringify({ code, uid: process.getuid() }));
      process.exit();
    }
    console.log(JSON.stringify(${WHO}));
  `;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', source], {
    env: { HOME: '/root', TMPDIR: dir.path },
    cwd: dir.path,
  });
  return JSON.parse(stdout);
}

describe.skipIf(lacks('root'))('root, over the folders of a service (needs root)', () => {
  it('goes on as the user whose they are, without what is root’s', async () => {
    expect(await becomeOwnerOf(async () => undefined)).toEqual({
      uid: NOBODY,
      gid: NOBODY,
      groups: [NOBODY],
      home: '/',
      temporary: '/tmp',
      directory: '/',
    });
  });

  it('goes by those that are there', async () => {
    const lacking = await becomeOwnerOf((directory) => rm(join(directory, 'state'), { recursive: true }));
    expect(lacking.uid).toBe(NOBODY);
  });

  it('does nothing where they belong to several', async () => {
    const mixed = await becomeOwnerOf((directory) => chown(join(directory, 'state'), 0, 0));
    expect(mixed).toEqual({ code: 'TREE_UNUSABLE', uid: 0 });
  });

  it('does nothing where one is a link, to whosever directory', async () => {
    const linked = await becomeOwnerOf(async (directory) => {
      await rename(join(directory, 'storage'), join(directory, 'storage.real'));
      await symlink('/etc', join(directory, 'storage'));
    });
    expect(linked).toEqual({ code: 'TREE_UNUSABLE', uid: 0 });
  });
});
