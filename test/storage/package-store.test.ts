import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPackageStore, type PackageStore } from '../../src/storage/package-store.ts';
import { createRepositoryLayout } from '../../src/storage/repository-layout.ts';
import { syncedPathsOf } from '../support/synced-paths.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

let dir: TempDir;
let topDir: string;
let store: PackageStore;

beforeEach(async () => {
  dir = await createTempDir();
  topDir = join(dir.path, 'storage');
  await mkdir(topDir);
  store = storeAt(topDir);
});

afterEach(() => dir.remove());

function storeAt(path: string): PackageStore {
  return createPackageStore(
    createRepositoryLayout({
      topDir: path,
      releaseverPatterns: [],
      noarchBasearches: [],
      multilib: new Map(),
    }),
  );
}

async function put(path: string, content = 'content'): Promise<string> {
  const full = join(topDir, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, content);
  return full;
}

describe('listRepositories', () => {
  it('gives each directory of two levels with packages or metadata in it whose names may be a repository, in order', async () => {
    for (const path of [
      '9/x86_64/Packages',
      '9/SRPMS/repodata',
      '10/aarch64/Packages',
      'amzn2023/x86_64/Packages',
      '9/.scratch/Packages',
      '.hidden/x86_64/Packages',
      'photos/summer',
    ]) {
      await mkdir(join(topDir, path), { recursive: true });
    }
    await put('9/x86_64.repo');
    await put('rpmyard.repo');
    await mkdir(join(topDir, '9/not.one'), { recursive: true });
    await symlink(join(topDir, '9'), join(topDir, 'latest'));
    await symlink(join(topDir, '9/x86_64'), join(topDir, '9/link'));
    expect(await store.listRepositories()).toEqual(['10/aarch64', '9/SRPMS', '9/x86_64', 'amzn2023/x86_64']);
  });

  it('is empty for an empty tree', async () => {
    expect(await store.listRepositories()).toEqual([]);
  });
});

describe('listPackages', () => {
  const locations = async (): Promise<readonly string[]> =>
    (await store.listPackages(repo('9/x86_64'))).toSorted();

  it('follows nested directories', async () => {
    await put('9/x86_64/Packages/b-1-1.el9.x86_64.rpm');
    await put('9/x86_64/Packages/a/a-1-1.el9.x86_64.rpm');
    await put('9/x86_64/c-1-1.el9.x86_64.rpm');
    await put('9/x86_64/Packages/a+b/deep/er/d-1-1.el9.x86_64.rpm');
    await put('9/aarch64/Packages/e-1-1.el9.aarch64.rpm');
    expect(await locations()).toEqual([
      'Packages/a+b/deep/er/d-1-1.el9.x86_64.rpm',
      'Packages/a/a-1-1.el9.x86_64.rpm',
      'Packages/b-1-1.el9.x86_64.rpm',
      'c-1-1.el9.x86_64.rpm',
    ]);
  });

  it('passes over links, names with a leading dot, repodata and what is no .rpm file', async () => {
    const outside = join(dir.path, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'out-1-1.el9.x86_64.rpm'), '');
    const kept = await put('9/x86_64/Packages/kept-1-1.el9.x86_64.rpm');
    await symlink(kept, join(topDir, '9/x86_64/Packages/link-1-1.el9.x86_64.rpm'));
    await symlink(join(outside, 'out-1-1.el9.x86_64.rpm'), join(topDir, '9/x86_64/Packages/out.rpm'));
    await symlink(outside, join(topDir, '9/x86_64/Packages/linked'));
    await put('9/x86_64/Packages/.half-1-1.el9.x86_64.rpm');
    await put('9/x86_64/.cache/x-1-1.el9.x86_64.rpm');
    await put('9/x86_64/repodata/x-1-1.el9.x86_64.rpm');
    await put('9/x86_64/Packages/README');
    await put('9/x86_64/Packages/x.rpm.part');
    await mkdir(join(topDir, '9/x86_64/Packages/directory.rpm'));
    await promisify(execFile)('mkfifo', [join(topDir, '9/x86_64/Packages/pipe.rpm')]);
    expect(await locations()).toEqual(['Packages/kept-1-1.el9.x86_64.rpm']);
  });
});

describe('createRepository', () => {
  it('creates the directories, and does no harm to what is there', async () => {
    await store.createRepository(repo('9/x86_64'));
    const path = await put('9/x86_64/Packages/a-1-1.el9.x86_64.rpm');
    await store.createRepository(repo('9/x86_64'));
    expect(await readFile(path, 'utf8')).toBe('content');
  });

  it('syncs the whole chain of names, also of directories that another process left unsynced', async () => {
    await mkdir(join(topDir, '9/x86_64/Packages'), { recursive: true });
    const synced = await syncedPathsOf(`
      const { createPackageStore } = await import('${srcUrl('storage/package-store.ts')}');
      const { createRepositoryLayout } = await import('${srcUrl('storage/repository-layout.ts')}');
      const options = { topDir: ${JSON.stringify(topDir)}, releaseverPatterns: [], noarchBasearches: [], multilib: new Map() };
      await createPackageStore(createRepositoryLayout(options)).createRepository('9/x86_64');
    `);
    expect(synced).toEqual(expect.arrayContaining([topDir, join(topDir, '9'), join(topDir, '9/x86_64')]));
  });
});

function srcUrl(module: string): string {
  return new URL(`../../src/${module}`, import.meta.url).href;
}

describe('add', () => {
  const target = (): string => join(topDir, '9/x86_64/Packages/a-1-1.el9.x86_64.rpm');

  async function incoming(content: string, mode = 0o600): Promise<string> {
    const path = join(dir.path, `incoming-${content}`);
    await writeFile(path, content);
    await chmod(path, mode);
    return path;
  }

  beforeEach(() => store.createRepository(repo('9/x86_64')));

  it('gives the file a second name that everybody may read', async () => {
    const path = await incoming('new');
    await store.prepare(path);
    expect(await store.add(path, target())).toMatchObject({ isNewName: true });
    const [own, placed] = [await stat(path), await stat(target())];
    expect(placed.ino).toBe(own.ino);
    expect(placed.mode & 0o7777).toBe(0o644);
    expect(await readFile(target(), 'utf8')).toBe('new');
  });

  it('takes away rights to write and run that the file came with', async () => {
    const path = await incoming('wild', 0o4777);
    await store.prepare(path);
    await store.add(path, target());
    expect((await stat(target())).mode & 0o7777).toBe(0o644);
  });

  it('refuses to take the place of anything', async () => {
    await writeFile(target(), 'old');
    expect(await store.add(await incoming('new'), target())).toBeUndefined();
    expect(await readFile(target(), 'utf8')).toBe('old');
  });

  it('does not follow a link that lies where the package should', async () => {
    const elsewhere = join(dir.path, 'elsewhere');
    await symlink(elsewhere, target());
    expect(await store.add(await incoming('new'), target())).toBeUndefined();
    await expect(stat(elsewhere)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('fails when the repository is not there', async () => {
    await expect(store.add(await incoming('new'), join(topDir, 'no/where/a.rpm'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('lets one of two win, with the bytes of the winner', async () => {
    const paths = [await incoming('one'), await incoming('two')];
    const results = await Promise.all(paths.map((path) => store.add(path, target())));
    expect(results.filter((step) => step !== undefined)).toHaveLength(1);
    expect(await readFile(target(), 'utf8')).toBe(results[0] !== undefined ? 'one' : 'two');
  });
});

describe('durability', () => {
  const syncedBy = (method: string, path: string): Promise<readonly string[]> =>
    syncedPathsOf(`
      const { createPackageStore } = await import('${srcUrl('storage/package-store.ts')}');
      await createPackageStore({ topDir: '/nonexistent' }).${method}(${JSON.stringify(path)});
    `);

  it('of the bytes comes with prepare, of the name with syncName, of both with sync', async () => {
    const path = await put('9/x86_64/Packages/a.rpm');
    expect(await syncedBy('prepare', path)).toEqual([path]);
    expect(await syncedBy('syncName', path)).toEqual([dirname(path)]);
    expect(await syncedBy('sync', path)).toEqual([path, dirname(path)]);
  });
});
