import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { findFiles } from '../../src/client/find-files.ts';
import { appErrorOf } from '../support/app-error.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const NOBODY = 65_534;

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
  await chmod(dir.path, 0o755);
  await mkdir(join(dir.path, 'sub.rpm'));
  for (const name of ['b.rpm', 'a.rpm', 'c.txt', '[x].rpm', 'sub.rpm/d.rpm']) await writeFile(at(name), name);
  await symlink(at('a.rpm'), at('z.rpm'));
});

afterAll(() => dir.remove());

const at = (name: string): string => join(dir.path, name);

const found = (...names: readonly string[]): readonly string[] =>
  findFiles(names.map(at)).map(({ path }) => path.slice(dir.path.length + 1));

const problemsOf = (...names: readonly string[]): unknown => {
  const error = appErrorOf(() => found(...names));
  expect(error.code).toBe('PARAMETER_INVALID');
  return error.details['problems'];
};

describe('findFiles', () => {
  it('takes names as they are, and says how large the files are', () => {
    expect(findFiles([at('c.txt')])).toEqual([{ path: at('c.txt'), sizeBytes: 5 }]);
  });

  it('finds what a pattern means, in order, without directories', () => {
    expect(found('[ab].rpm')).toEqual(['a.rpm', 'b.rpm']);
    expect(found('{b,a}.rpm')).toEqual(['a.rpm', 'b.rpm']);
    expect(found('**/?.rpm')).toEqual(['a.rpm', 'b.rpm', 'sub.rpm/d.rpm']);
  });

  it('takes a file whose name looks like a pattern', () => {
    expect(found('[x].rpm')).toEqual(['[x].rpm']);
  });

  it('takes the same file once, by whatever name', () => {
    expect(found('a.rpm', '*.rpm', 'z.rpm', 'sub.rpm/../a.rpm')).toEqual(['a.rpm', '[x].rpm', 'b.rpm']);
  });

  it('names everything that is no file at once', () => {
    expect(problemsOf('a.rpm', 'gone.rpm', 'sub.rpm', 'x*.rpm')).toEqual([
      `${at('gone.rpm')}: it does not exist`,
      `${at('sub.rpm')}: it is a directory`,
      `${at('x*.rpm')}: no file matches`,
    ]);
  });

  it('names an argument that is too long to be looked at among the others', () => {
    const long = 'x'.repeat(300);
    expect(problemsOf(long, `${long}*`, 'gone.rpm')).toEqual([
      `${at(long)}: it cannot be read (ENAMETOOLONG)`,
      `${at(`${long}*`)}: no file matches`,
      `${at('gone.rpm')}: it does not exist`,
    ]);
  });

  it('takes no directory whose name looks like a pattern for one', async () => {
    await mkdir(at('[ab]'));
    expect(problemsOf('[ab]')).toEqual([`${at('[ab]')}: it is a directory`]);
  });

  it('takes a pattern that is too long for a name', () => {
    expect(found(`{a,${'x'.repeat(300)}}.rpm`)).toEqual(['a.rpm']);
  });

  it('names what lies in a directory that may not be searched', async () => {
    const shut = at('shut');
    await mkdir(shut);
    await writeFile(join(shut, 'e.rpm'), 'e');
    await chmod(shut, 0o444);
    const { seteuid, geteuid } = process;
    const userId = geteuid?.();
    // Root may search it.
    if (userId === 0) seteuid?.(NOBODY);
    try {
      expect(problemsOf('shut/e.rpm', 'shut/*.rpm', 'gone.rpm')).toEqual([
        `${at('shut/e.rpm')}: it cannot be read (EACCES)`,
        `${at('shut/e.rpm')}: it cannot be read (EACCES)`,
        `${at('gone.rpm')}: it does not exist`,
      ]);
    } finally {
      if (userId === 0) seteuid?.(0);
    }
  });
});
