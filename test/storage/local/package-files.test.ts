import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalRepositories } from '../../../src/storage/local/local-repositories.ts';
import { createPackageFiles, type PackageFiles } from '../../../src/storage/local/package-files.ts';
import type { Repositories } from '../../../src/storage/repositories.ts';
import {
  createRepositoryLayout,
  type RepositoryLayout,
  type Target,
} from '../../../src/storage/repository-layout.ts';
import { syncedPathsOf } from '../../support/synced-paths.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';
import { repo } from '../../support/repo.ts';

let dir: TempDir;
let topDir: string;
let files: PackageFiles;
let repositories: Repositories;

beforeEach(async () => {
  dir = await createTempDir();
  topDir = join(dir.path, 'storage');
  await mkdir(topDir);
  const layout = layoutAt(topDir);
  files = createPackageFiles(layout);
  repositories = createLocalRepositories(layout);
});

afterEach(() => dir.remove());

function layoutAt(path: string): RepositoryLayout {
  return createRepositoryLayout({
    topDir: path,
    releaseverPatterns: [],
    noarchBasearches: [],
    multilib: new Map(),
  });
}

async function put(path: string, content = 'content'): Promise<string> {
  const full = join(topDir, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, content);
  return full;
}

describe('the list of repositories', () => {
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
    expect(await repositories.list()).toEqual(['10/aarch64', '9/SRPMS', '9/x86_64', 'amzn2023/x86_64']);
  });

  it('is empty for an empty tree', async () => {
    expect(await repositories.list()).toEqual([]);
  });
});

describe('the list of packages', () => {
  const locations = async (): Promise<readonly string[]> =>
    (await repositories.listPackages(repo('9/x86_64'))).toSorted();

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

describe('a new repository', () => {
  it('creates the directories, and does no harm to what is there', async () => {
    await repositories.create(repo('9/x86_64'));
    const path = await put('9/x86_64/Packages/a-1-1.el9.x86_64.rpm');
    await repositories.create(repo('9/x86_64'));
    expect(await readFile(path, 'utf8')).toBe('content');
  });

  it('syncs the whole chain of names, also of directories that another process left unsynced', async () => {
    await mkdir(join(topDir, '9/x86_64/Packages'), { recursive: true });
    const synced = await syncedPathsOf(`
      const { createLocalRepositories } = await import('${srcUrl('storage/local/local-repositories.ts')}');
      const { createRepositoryLayout } = await import('${srcUrl('storage/repository-layout.ts')}');
      const options = { topDir: ${JSON.stringify(topDir)}, releaseverPatterns: [], noarchBasearches: [], multilib: new Map() };
      await createLocalRepositories(createRepositoryLayout(options)).create('9/x86_64');
    `);
    expect(synced).toEqual(expect.arrayContaining([topDir, join(topDir, '9'), join(topDir, '9/x86_64')]));
  });
});

function srcUrl(module: string): string {
  return new URL(`../../../src/${module}`, import.meta.url).href;
}

describe('add', () => {
  const TARGET: Target = { repository: repo('9/x86_64'), location: 'Packages/a-1-1.el9.x86_64.rpm' };
  const placedPath = (): string => join(topDir, '9/x86_64/Packages/a-1-1.el9.x86_64.rpm');

  async function incoming(content: string, mode = 0o600): Promise<string> {
    const path = join(dir.path, `incoming-${content}`);
    await writeFile(path, content);
    await chmod(path, mode);
    return path;
  }

  beforeEach(() => repositories.create(repo('9/x86_64')));

  it('gives the file a second name that every user may read', async () => {
    const path = await incoming('new');
    await files.prepare(path);
    expect(await files.add(path, TARGET)).toMatchObject({ isNewName: true });
    const [own, placed] = [await stat(path), await stat(placedPath())];
    expect(placed.ino).toBe(own.ino);
    expect(placed.mode & 0o7777).toBe(0o644);
    expect(await readFile(placedPath(), 'utf8')).toBe('new');
  });

  it('takes away rights to write and run that the file came with', async () => {
    const path = await incoming('wild', 0o4777);
    await files.prepare(path);
    await files.add(path, TARGET);
    expect((await stat(placedPath())).mode & 0o7777).toBe(0o644);
  });

  it('refuses to take the place of anything', async () => {
    await writeFile(placedPath(), 'old');
    expect(await files.add(await incoming('new'), TARGET)).toBeUndefined();
    expect(await readFile(placedPath(), 'utf8')).toBe('old');
  });

  it('does not follow a link that lies where the package should', async () => {
    const elsewhere = join(dir.path, 'elsewhere');
    await symlink(elsewhere, placedPath());
    expect(await files.add(await incoming('new'), TARGET)).toBeUndefined();
    await expect(stat(elsewhere)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('fails when the repository is not there', async () => {
    await expect(
      files.add(await incoming('new'), { ...TARGET, repository: repo('7/x86_64') }),
    ).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('lets one of two win, with the bytes of the winner', async () => {
    const paths = [await incoming('one'), await incoming('two')];
    const results = await Promise.all(paths.map((path) => files.add(path, TARGET)));
    expect(results.filter((step) => step !== undefined)).toHaveLength(1);
    expect(await readFile(placedPath(), 'utf8')).toBe(results[0] !== undefined ? 'one' : 'two');
  });
});

describe('durability', () => {
  const syncedBy = (method: string, argument: object | string, path: string): Promise<readonly string[]> =>
    syncedPathsOf(`
      const { createPackageFiles } = await import('${srcUrl('storage/local/package-files.ts')}');
      const layout = { pathOf: () => ${JSON.stringify(path)} };
      await createPackageFiles(layout).${method}(${JSON.stringify(argument)});
    `);

  it('of the bytes comes with prepare, of the name with syncName, of both with sync', async () => {
    const path = await put('9/x86_64/Packages/a.rpm');
    expect(await syncedBy('prepare', path, path)).toEqual([path]);
    expect(await syncedBy('syncName', {}, path)).toEqual([dirname(path)]);
    expect(await syncedBy('sync', {}, path)).toEqual([path, dirname(path)]);
  });
});
