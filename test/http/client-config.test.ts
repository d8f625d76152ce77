import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  KEY_FILE,
  renderGeneralRepoFile,
  renderRepoFile,
  writeGeneralRepoFile,
  writeKeyFile,
  writeRepoFile,
} from '../../src/http/client-config.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { withUmask } from '../support/with-umask.ts';
import { repo } from '../support/repo.ts';

const UNSIGNED = {
  publicUrl: 'https://repo.example.com/rpm',
  isSigned: false,
  isSigningPackages: false,
  hasNoarchRepository: false,
};
const SIGNED = { ...UNSIGNED, isSigned: true };

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
  it('has an id that dnf takes, another one for each repository', () => {
    const repositories = ['9+x/x86_64', '9_x/x86_64', '9-x/x86_64', '9.x/x86_64', '9+x+y/noarch'];
    const ids = repositories.map((repository) => read(renderRepoFile(UNSIGNED, repo(repository))).section);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_.:-]+$/);
    expect(new Set(ids).size).toBe(repositories.length);
    expect(read(renderRepoFile(UNSIGNED, repo('9+x/x86_64'))).options.get('baseurl')).toContain(
      '/9+x/x86_64/',
    );
  });

  it('names the repository by a section, a name and a baseurl of its own', () => {
    const { section, options } = read(renderRepoFile(UNSIGNED, repo('9/x86_64')));
    expect(section).toBe('rpmyard-9-x86_64');
    expect(Object.fromEntries(options)).toEqual({
      name: 'Rpmyard 9/x86_64',
      baseurl: 'https://repo.example.com/rpm/repo/9/x86_64/',
      enabled: '1',
      gpgcheck: '0',
      metadata_expire: '60',
    });
  });

  it('leads dnf to generations, zypper to the plain URL, and all to the keys when metadata is signed', () => {
    const { options } = read(renderRepoFile(SIGNED, repo('9/x86_64')));
    expect(Object.fromEntries(options)).toEqual({
      name: 'Rpmyard 9/x86_64',
      baseurl: 'https://repo.example.com/rpm/repo/9/x86_64/',
      mirrorlist: 'https://repo.example.com/rpm/repo/9/x86_64/mirrorlist',
      mirrorlist_expire: '0',
      enabled: '1',
      gpgcheck: '0',
      repo_gpgcheck: '1',
      gpgkey: 'https://repo.example.com/rpm/repo/RPM-GPG-KEY-rpmyard',
      metadata_expire: '60',
    });
  });

  it.each([
    [true, '1'],
    [false, '0'],
  ])('has packages checked only when they are signed too: %s', (isSigningPackages, gpgcheck) => {
    const { options } = read(renderRepoFile({ ...SIGNED, isSigningPackages }, repo('9/x86_64')));
    expect(options.get('gpgcheck')).toBe(gpgcheck);
    expect(
      read(renderRepoFile({ ...UNSIGNED, isSigningPackages }, repo('9/x86_64'))).options.get('gpgcheck'),
    ).toBe('0');
  });

  it.each([
    ['9/x86_64', ['9/x86_64', '9/noarch']],
    ['9/noarch', ['9/noarch']],
    ['9/SRPMS', ['9/SRPMS']],
  ])('names the noarch repository as well, where noarch packages have one: %s', (repository, named) => {
    const text = renderRepoFile({ ...SIGNED, hasNoarchRepository: true }, repo(repository));
    const sections = text.split(/\n(?=\[)/).map(read);
    expect(sections.map(({ section }) => section)).toEqual(
      named.map((one) => `rpmyard-${one.replace('/', '-')}`),
    );
    expect(sections.map(({ options }) => options.get('baseurl'))).toEqual(
      named.map((one) => `https://repo.example.com/rpm/repo/${one}/`),
    );
  });

  it('is written beside the directory, readable for all, and nothing else', async () => {
    await using dir = await createTempDir();
    await mkdir(join(dir.path, '9/x86_64'), { recursive: true });
    await writeRepoFile(dir.path, UNSIGNED, repo('9/x86_64'));
    expect((await readdir(join(dir.path, '9'))).toSorted()).toEqual(['x86_64', 'x86_64.repo']);
    const path = join(dir.path, '9/x86_64.repo');
    expect(await readFile(path, 'utf8')).toBe(renderRepoFile(UNSIGNED, repo('9/x86_64')));
    expect((await stat(path)).mode & 0o044).toBe(0o044);
  });

  it('is replaced in one step when the URL changes', async () => {
    await using dir = await createTempDir();
    await writeRepoFile(dir.path, UNSIGNED, repo('9/x86_64'));
    const path = join(dir.path, '9/x86_64.repo');
    const { ino } = await stat(path);
    await writeFile(
      join(dir.path, '9/.x86_64.repo.new'),
      'what a crash left, and longer than the new file'.repeat(20),
    );
    await writeRepoFile(dir.path, { ...UNSIGNED, publicUrl: 'http://other' }, repo('9/x86_64'));
    expect(await readFile(path, 'utf8')).toBe(
      renderRepoFile({ ...UNSIGNED, publicUrl: 'http://other' }, repo('9/x86_64')),
    );
    expect((await stat(path)).ino).not.toBe(ino);
    expect(await readdir(join(dir.path, '9'))).toEqual(['x86_64.repo']);
  });
});

describe('the .repo file for every host', () => {
  it('leaves releasever and basearch to the client', async () => {
    await using dir = await createTempDir();
    await writeGeneralRepoFile(dir.path, UNSIGNED);
    const text = await readFile(join(dir.path, 'rpmyard.repo'), 'utf8');
    expect(text).toBe(renderGeneralRepoFile(UNSIGNED));
    const { section, options } = read(text);
    expect(section).toBe('rpmyard');
    expect(options.get('baseurl')).toBe('https://repo.example.com/rpm/repo/$releasever/$basearch/');
  });

  it('names the noarch repository as well, where noarch packages have one', () => {
    const text = renderGeneralRepoFile({ ...UNSIGNED, hasNoarchRepository: true });
    const sections = text.split(/\n(?=\[)/).map(read);
    expect(sections.map(({ section }) => section)).toEqual(['rpmyard', 'rpmyard-noarch']);
    expect(sections[1]?.options.get('baseurl')).toBe('https://repo.example.com/rpm/repo/$releasever/noarch/');
  });
});

describe('what every host reads', () => {
  it('is readable for all, whatever the umask of the service is', async () => {
    await using dir = await createTempDir();
    await withUmask(0o077, async () => {
      await writeRepoFile(dir.path, UNSIGNED, repo('9/x86_64'));
      await writeGeneralRepoFile(dir.path, UNSIGNED);
      await writeKeyFile(dir.path, 'armor\n');
    });
    for (const name of ['9/x86_64.repo', 'rpmyard.repo', KEY_FILE]) {
      expect((await stat(join(dir.path, name))).mode & 0o777, name).toBe(0o644);
    }
  });
});

describe('the file of public keys', () => {
  it('is there while something is signed, and gone when nothing is', async () => {
    await using dir = await createTempDir();
    await writeKeyFile(dir.path, 'armor\n');
    expect(await readFile(join(dir.path, KEY_FILE), 'utf8')).toBe('armor\n');
    await writeKeyFile(dir.path, undefined);
    expect(await readdir(dir.path)).toEqual([]);
  });
});
