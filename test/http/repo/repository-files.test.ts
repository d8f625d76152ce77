import { execFile } from 'node:child_process';
import { mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeEntry, findRepositoryEntry, namesToList } from '../../../src/http/repo/repository-files.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;
let topDir: string;

beforeEach(async () => {
  dir = await createTempDir();
  topDir = join(await realpath(dir.path), 'storage');
  await put('9/x86_64/Packages/a-1-1.el9.x86_64.rpm', 'package');
  await writeFile(join(dir.path, 'secret'), 'secret');
});

afterEach(() => dir.remove());

async function put(path: string, content = 'x'): Promise<void> {
  await mkdir(dirname(join(topDir, path)), { recursive: true });
  await writeFile(join(topDir, path), content);
}

const expectNothing = (path: string): Promise<void> =>
  expect(findRepositoryEntry(topDir, path)).rejects.toMatchObject({ code: 'NOT_FOUND', statusCode: 404 });

describe('a path below /repo/', () => {
  it('leads to a file', async () => {
    expect(await findRepositoryEntry(topDir, '9/x86_64/Packages/a-1-1.el9.x86_64.rpm')).toEqual({
      kind: 'file',
      path: join(topDir, '9/x86_64/Packages/a-1-1.el9.x86_64.rpm'),
      name: 'a-1-1.el9.x86_64.rpm',
    });
  });

  it.each(['', '9', '9/', '9/x86_64//', '//9'])('leads to the directory %j', async (path) => {
    expect(await findRepositoryEntry(topDir, path)).toMatchObject({ kind: 'directory' });
  });

  it('leads nowhere when it is not there', async () => {
    await expectNothing('10');
    await expectNothing('9/x86_64/Packages/b.rpm');
    await expectNothing('9/x86_64/Packages/a-1-1.el9.x86_64.rpm/more');
    await expectNothing(`9/${'x'.repeat(300)}`);
    await expectNothing('x/'.repeat(5000));
  });

  it.each([
    '.',
    '..',
    '../secret',
    '9/../../secret',
    '9/./x86_64',
    '9/..',
    '.hidden',
    '9/.hidden/x',
    '9/x86_64/.x.new',
    '9\0',
    '9/x86_64\0.rpm',
  ])('%j leads nowhere, even when something is there', async (path) => {
    await put('.hidden');
    await put('9/.hidden/x');
    await put('9/x86_64/.x.new');
    await expectNothing(path);
  });

  it('leads nowhere through a symbolic link', async () => {
    await symlink(join(dir.path, 'secret'), join(topDir, 'file-link'));
    await symlink(dir.path, join(topDir, 'directory-link'));
    await symlink(join(topDir, '9'), join(topDir, 'inner-link'));
    await symlink('loop', join(topDir, 'loop'));
    await symlink('/nonexistent', join(topDir, 'broken'));
    for (const path of [
      'file-link',
      'directory-link',
      'directory-link/secret',
      'inner-link',
      'inner-link/x86_64',
    ]) {
      await expectNothing(path);
    }
    await expectNothing('loop');
    await expectNothing('broken');
  });

  it('leads nowhere to what is neither file nor directory', async () => {
    await promisify(execFile)('mkfifo', [join(topDir, 'pipe')]);
    await expectNothing('pipe');
  });

  it('lists no link, no dot file and no pipe', async () => {
    await put('list/shown.rpm');
    await put('list/.hidden');
    await symlink(join(dir.path, 'secret'), join(topDir, 'list/link'));
    await promisify(execFile)('mkfifo', [join(topDir, 'list/pipe')]);
    expect(await namesToList(join(topDir, 'list'))).toEqual(['shown.rpm']);
  });

  it('that is gone before the listing looks at it is left out', () => {
    expect(describeEntry(topDir, 'none')).toBeUndefined();
  });
});
