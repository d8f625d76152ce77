import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  renderGeneralRepoFile,
  renderRepoFile,
  writeGeneralRepoFile,
  writeRepoFile,
} from '../../src/serve/client-config.ts';
import { createTempDir } from '../support/temp-dir.ts';

const URL_BASE = 'https://repo.example.com/rpm';

/** The options of an .ini section. */
function read(text: string): { readonly section: string; readonly options: ReadonlyMap<string, string> } {
  const [first = '', ...lines] = text.trimEnd().split('\n');
  const section = /^\[(?<name>[^\]\s]+)\]$/.exec(first)?.groups?.['name'] ?? '';
  return {
    section,
    options: new Map(
      lines.map((line): [string, string] => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    ),
  };
}

describe('the .repo file of a repository', () => {
  it('names the repository by a section, a name and a baseurl of its own', () => {
    const { section, options } = read(renderRepoFile(URL_BASE, '9/x86_64'));
    expect(section).toBe('rpmyard-9-x86_64');
    expect(Object.fromEntries(options)).toEqual({
      name: 'Rpmyard 9/x86_64',
      baseurl: 'https://repo.example.com/rpm/repo/9/x86_64/',
      enabled: '1',
      gpgcheck: '0',
      metadata_expire: '60',
    });
  });

  it('is written beside the directory, readable for all, and nothing else', async () => {
    await using dir = await createTempDir();
    await mkdir(join(dir.path, '9/x86_64'), { recursive: true });
    await writeRepoFile(dir.path, URL_BASE, '9/x86_64');
    expect((await readdir(join(dir.path, '9'))).toSorted()).toEqual(['x86_64', 'x86_64.repo']);
    const path = join(dir.path, '9/x86_64.repo');
    expect(await readFile(path, 'utf8')).toBe(renderRepoFile(URL_BASE, '9/x86_64'));
    expect((await stat(path)).mode & 0o044).toBe(0o044);
  });

  it('is replaced in one step when the URL changes', async () => {
    await using dir = await createTempDir();
    await writeRepoFile(dir.path, URL_BASE, '9/x86_64');
    const path = join(dir.path, '9/x86_64.repo');
    const { ino } = await stat(path);
    await writeFile(
      join(dir.path, '9/.x86_64.repo.new'),
      'what a crash left, and longer than the new file'.repeat(20),
    );
    await writeRepoFile(dir.path, 'http://other', '9/x86_64');
    expect(await readFile(path, 'utf8')).toBe(renderRepoFile('http://other', '9/x86_64'));
    expect((await stat(path)).ino).not.toBe(ino);
    expect(await readdir(join(dir.path, '9'))).toEqual(['x86_64.repo']);
  });
});

describe('the .repo file for every host', () => {
  it('leaves releasever and basearch to the client', async () => {
    await using dir = await createTempDir();
    await writeGeneralRepoFile(dir.path, URL_BASE);
    const text = await readFile(join(dir.path, 'rpmyard.repo'), 'utf8');
    expect(text).toBe(renderGeneralRepoFile(URL_BASE));
    const { section, options } = read(text);
    expect(section).toBe('rpmyard');
    expect(options.get('baseurl')).toBe('https://repo.example.com/rpm/repo/$releasever/$basearch/');
  });
});
