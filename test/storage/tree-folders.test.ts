import { mkdir, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkFolders,
  prepareFolders,
  type TreeFolders,
  tryFolders,
} from '../../src/storage/tree-folders.ts';
import { lacks, OTHER_MOUNT } from '../support/lacks.ts';
import { attachStrace } from '../support/strace.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;
let root: string;

beforeEach(async () => {
  dir = await createTempDir();
  root = await realpath(dir.path);
});

afterEach(() => dir.remove());

const configured = (at = root) => ({
  topDir: join(at, 'deep/storage'),
  spoolDir: join(at, 'deep/spool'),
  stateDir: join(at, 'deep/state'),
});

const filesIn = async (folders: TreeFolders): Promise<readonly string[]> =>
  (
    await Promise.all([folders.topDir, folders.spoolDir, folders.incomingDir].map((path) => readdir(path)))
  ).flat();

describe('prepareFolders', () => {
  it('creates what is missing, and leaves what is there', async () => {
    const folders = await prepareFolders(configured());
    const { topDir, spoolDir, stateDir, incomingDir, resumableDir, scratchRoot } = folders;
    expect({ topDir, spoolDir, stateDir }).toEqual(configured());
    expect(incomingDir).toBe(join(root, 'deep/state/incoming'));
    await writeFile(join(folders.topDir, 'kept'), 'x');
    await prepareFolders(configured());
    for (const path of [topDir, spoolDir, stateDir, incomingDir, resumableDir, scratchRoot])
      expect((await stat(path)).isDirectory()).toBe(true);
    expect(await readdir(folders.topDir)).toEqual(['kept']);
  });

  it('gives the real path of a top directory that lies behind a link', async () => {
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, 'link'));
    const { topDir } = await prepareFolders(configured(join(root, 'link')));
    expect(topDir).toBe(join(root, 'real/deep/storage'));
  });

  it('names the folders when one cannot be made', async () => {
    await writeFile(join(root, 'deep'), 'a file');
    await expect(prepareFolders(configured())).rejects.toMatchObject({
      code: 'TREE_UNUSABLE',
      hint: expect.stringContaining(configured().stateDir),
      cause: { code: 'ENOTDIR' },
    });
  });
});

describe('the way of a package', () => {
  it('is tried from spool to tree, and nothing is left', async () => {
    const folders = await prepareFolders(configured());
    await checkFolders(folders);
    await tryFolders(folders);
    expect(await filesIn(folders)).toEqual([]);
  });

  it.each(['topDir', 'spoolDir', 'incomingDir'] as const)(
    'is refused without %s, and nothing is left',
    async (name) => {
      const folders = await prepareFolders(configured());
      await rm(folders[name], { recursive: true });
      await expect(tryFolders(folders)).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(checkFolders(folders)).rejects.toMatchObject({
        code: 'TREE_UNUSABLE',
        hint: expect.any(String),
      });
      await mkdir(folders[name]);
      expect(await filesIn(folders)).toEqual([]);
    },
  );

  it.skipIf(lacks('two mounts'))('is refused from one mount to another (needs two mounts)', async () => {
    await using other = await createTempDirOn(OTHER_MOUNT);
    const folders = await prepareFolders({ ...configured(), spoolDir: join(other.path, 'spool') });
    await expect(checkFolders(folders)).rejects.toMatchObject({
      code: 'TREE_UNUSABLE',
      message: expect.stringContaining('one mount'),
      cause: { code: 'EXDEV' },
    });
    expect(await filesIn(folders)).toEqual([]);
  });
});

describe('a file system without hard links, such as exFAT', () => {
  it.skipIf(lacks('strace'))('is named as such (needs strace)', async () => {
    const folders = await prepareFolders(configured());
    const inject = 'link,linkat:error=EPERM';
    const trace = await attachStrace(process.pid, { syscalls: 'link,linkat', inject });
    const refusal = await checkFolders(folders).catch((error: unknown) => error);
    await trace.stop();
    expect(refusal).toMatchObject({
      code: 'TREE_UNUSABLE',
      message: expect.stringContaining('no hard links'),
      hint: expect.stringContaining('ext4'),
    });
    expect(await filesIn(folders)).toEqual([]);
  });
});

async function createTempDirOn(mount: string): Promise<TempDir> {
  const path = join(mount, `rpmyard-${process.pid}-${Math.trunc(performance.now() * 1000)}`);
  await mkdir(path);
  const remove = async () => rm(path, { recursive: true, force: true });
  return { path, remove, [Symbol.asyncDispose]: remove };
}
