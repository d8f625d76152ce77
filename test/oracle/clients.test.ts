import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { buildRpm } from '../support/build-rpm.ts';
import { findFreePort } from '../support/free-port.ts';
import { dnfInstall, dnfMakecache, dnfRepoquery } from '../support/run-dnf.ts';
import { startNginx } from '../support/run-nginx.ts';
import { zypperAddRepository, zypperInstall, zypperRefresh, zypperSearch } from '../support/run-zypper.ts';
import { createTempDir } from '../support/temp-dir.ts';

const LIBRARY_FILE = '/usr/share/library/data';
const APPLICATION_FILE = '/usr/bin/application';

interface ServedRepository extends AsyncDisposable {
  /** The baseurl on the shipped nginx configuration, with no service behind it. */
  readonly url: string;
  readonly repodataDir: string;
  /** For the roots of clients. */
  readonly workDir: string;
}

/** Two packages, one of which requires the other, indexed by createrepo_c. */
async function serveRepository(): Promise<ServedRepository> {
  const temp = await createTempDir();
  const nginx = await startNginx({ root: join(temp.path, 'site'), upstreamPort: await findFreePort() });
  const repositoryDir = join(nginx.storageDir, '9/x86_64');
  const packagesDir = join(repositoryDir, 'Packages');
  await buildRpm(
    { name: 'library', epoch: 2, provides: ['feature = 3'], files: { [LIBRARY_FILE]: 'data' } },
    packagesDir,
  );
  await buildRpm(
    {
      name: 'application',
      version: '2.1~rc1',
      arch: 'x86_64',
      requires: ['library >= 2:1.0', 'feature = 3'],
      files: { [APPLICATION_FILE]: 'program' },
    },
    packagesDir,
  );
  await execa('createrepo_c', ['--quiet', '--no-database', '--general-compress-type=gz', repositoryDir]);
  return {
    url: `${nginx.baseUrl}/repo/9/x86_64/`,
    repodataDir: join(repositoryDir, 'repodata'),
    workDir: temp.path,
    async [Symbol.asyncDispose]() {
      await nginx.stop();
      await temp.remove();
    },
  };
}

async function findMetadataFile(repodataDir: string, ending: string): Promise<string> {
  const found = (await readdir(repodataDir)).find((name) => name.endsWith(ending));
  if (found === undefined) throw new Error(`expected a file *${ending} in ${repodataDir}`);
  return join(repodataDir, found);
}

type Breakage = (repodataDir: string) => Promise<void>;

const breakages: readonly (readonly [string, Breakage])[] = [
  ['has no repomd.xml', async (dir) => rm(join(dir, 'repomd.xml'))],
  ['has an empty repomd.xml', async (dir) => writeFile(join(dir, 'repomd.xml'), '')],
  ['lacks a file that repomd.xml names', async (dir) => rm(await findMetadataFile(dir, '-primary.xml.gz'))],
  [
    'has other bytes than repomd.xml says',
    async (dir) => {
      const path = await findMetadataFile(dir, '-primary.xml.gz');
      const bytes = await readFile(path);
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 0xff, bytes.length - 1);
      await writeFile(path, bytes);
    },
  ],
];

describe('dnf', () => {
  test('reads, queries and installs from the shipped nginx configuration', async () => {
    await using repository = await serveRepository();
    const host = { root: join(repository.workDir, 'host'), repositoryUrl: repository.url };
    expect(await dnfMakecache(host)).toMatchObject({ exitCode: 0 });
    const query = await dnfRepoquery(host);
    expect(query.exitCode).toBe(0);
    expect(query.stdout.split('\n').toSorted()).toEqual([
      'application-0:2.1~rc1-1.el9.x86_64',
      'library-2:1.0-1.el9.noarch',
    ]);
    expect(await dnfRepoquery(host, '--list', 'library')).toMatchObject({
      exitCode: 0,
      stdout: LIBRARY_FILE,
    });
    expect(await dnfInstall(host, 'application')).toMatchObject({ exitCode: 0 });
    await expect(readFile(join(host.root, LIBRARY_FILE), 'utf8')).resolves.toBe('data');
    await expect(readFile(join(host.root, APPLICATION_FILE), 'utf8')).resolves.toBe('program');
  });

  test('exits non-zero when nothing provides what is asked for', async () => {
    await using repository = await serveRepository();
    const host = { root: join(repository.workDir, 'host'), repositoryUrl: repository.url };
    expect((await dnfInstall(host, 'missing')).exitCode).not.toBe(0);
  });

  test.each(breakages)('exits non-zero when the repository %s', async (_title, breakRepository) => {
    await using repository = await serveRepository();
    await breakRepository(repository.repodataDir);
    const host = { root: join(repository.workDir, 'host'), repositoryUrl: repository.url };
    expect((await dnfMakecache(host)).exitCode).not.toBe(0);
  });
});

describe('zypper', () => {
  test('reads, searches and installs from the shipped nginx configuration', async () => {
    await using repository = await serveRepository();
    const host = { root: join(repository.workDir, 'host'), repositoryUrl: repository.url };
    expect(await zypperAddRepository(host)).toMatchObject({ exitCode: 0 });
    expect(await zypperRefresh(host)).toMatchObject({ exitCode: 0 });
    const search = await zypperSearch(host);
    expect(search.exitCode).toBe(0);
    expect(search.stdout).toMatch(/application +\| package +\| 2\.1~rc1-1\.el9 +\| x86_64/);
    expect(search.stdout).toMatch(/library +\| package +\| 2:1\.0-1\.el9 +\| noarch/);
    expect(await zypperInstall(host, 'application')).toMatchObject({ exitCode: 0 });
    await expect(readFile(join(host.root, LIBRARY_FILE), 'utf8')).resolves.toBe('data');
    await expect(readFile(join(host.root, APPLICATION_FILE), 'utf8')).resolves.toBe('program');
  });

  test('exits non-zero when nothing provides what is asked for', async () => {
    await using repository = await serveRepository();
    const host = { root: join(repository.workDir, 'host'), repositoryUrl: repository.url };
    await zypperAddRepository(host);
    await zypperRefresh(host);
    expect((await zypperInstall(host, 'missing')).exitCode).toBe(104);
  });

  test.each(breakages)('exits non-zero when the repository %s', async (_title, breakRepository) => {
    await using repository = await serveRepository();
    await breakRepository(repository.repodataDir);
    const host = { root: join(repository.workDir, 'host'), repositoryUrl: repository.url };
    await zypperAddRepository(host);
    expect((await zypperRefresh(host)).exitCode).not.toBe(0);
  });
});

describe('rpmbuild', () => {
  test.each([{ isSource: false }, { isSource: true }])(
    'builds the same bytes from the same description (isSource: $isSource)',
    async ({ isSource }) => {
      await using temp = await createTempDir();
      const spec = { name: 'same', isSource, files: { '/usr/share/same': 'x' } };
      const first = await buildRpm(spec, join(temp.path, 'first'));
      const second = await buildRpm(spec, join(temp.path, 'second'));
      expect(await readFile(first)).toEqual(await readFile(second));
    },
  );

  test('puts into the header what the description says', async () => {
    await using temp = await createTempDir();
    const path = await buildRpm(
      {
        name: 'full',
        version: '1.2^git3',
        release: '4.fc41',
        epoch: 5,
        arch: 'aarch64',
        requires: ['needed >= 1'],
        provides: ['given = 2'],
        files: { '/usr/share/full/with space': 'x' },
        changelog: '* Tue Jan 02 2024 A B <a@example.com> - 1.2-4\n- first',
        buildTimeSeconds: 1_700_000_000,
      },
      temp.path,
    );
    expect(path).toBe(join(temp.path, 'full-1.2^git3-4.fc41.aarch64.rpm'));
    const format =
      '%{NEVRA}|%{BUILDTIME}|[%{REQUIRENEVRS},]|[%{PROVIDENEVRS},]|[%{FILENAMES}]|%{CHANGELOGTEXT}';
    const { stdout } = await execa('rpm', ['-qp', '--qf', format, path]);
    const [nevra, buildTimeSeconds, requires, provides, files, changelog] = stdout.split('|');
    expect({ nevra, buildTimeSeconds, files, changelog }).toEqual({
      nevra: 'full-5:1.2^git3-4.fc41.aarch64',
      buildTimeSeconds: '1700000000',
      files: '/usr/share/full/with space',
      changelog: '- first',
    });
    expect(requires?.split(',')).toContain('needed >= 1');
    expect(provides?.split(',')).toContain('given = 2');
  });

  test('throws with the reason when the description is no package', async () => {
    await using temp = await createTempDir();
    await expect(buildRpm({ name: 'bad', version: '1-2' }, temp.path)).rejects.toThrow(/Illegal char/);
  });
});
