import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from 'vitest';
import { findFiles } from '../../src/push/find-files.ts';
import { appErrorOf } from '../support/app-error.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
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
});
