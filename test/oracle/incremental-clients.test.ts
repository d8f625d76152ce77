import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IndexFormatName } from '../../src/indexing/engines/incremental/index-format.ts';
import { buildRpm } from '../support/build-rpm.ts';
import { findFreePort } from '../support/free-port.ts';
import {
  createIndexedRepository,
  type IndexedRepository,
  REPOSITORY,
} from '../support/indexed-repository.ts';
import { isLongRun } from '../support/is-long-run.ts';
import { createRandom, type Random } from '../support/random.ts';
import { dnfInstall, dnfMakecache, dnfRepoquery } from '../support/run-dnf.ts';
import { type RunningNginx, startNginx } from '../support/run-nginx.ts';
import { zypperAddRepository, zypperInstall, zypperRefresh, zypperSearch } from '../support/run-zypper.ts';

const PACKAGES = 300;
const CHANGES = isLongRun ? 20 : 8;
const LIBRARY_FILE = '/usr/share/library/data';
const APPLICATION_FILE = '/usr/bin/application';

interface Host {
  readonly root: string;
  readonly repositoryUrl: string;
}

let repository: IndexedRepository;
let nginx: RunningNginx;
let random: Random;
/** Name -> release, of the crafted packages that are there. */
let crafted: Map<string, number>;
let made: number;

beforeEach(async () => {
  repository = await createIndexedRepository();
  nginx = await startNginx({ root: repository.root, upstreamPort: await findFreePort() });
  random = createRandom(9);
  crafted = new Map();
  made = 0;
  const packagesDir = join(repository.dir, 'Packages');
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
  for (let index = 0; index < PACKAGES; index += 1) await add();
});
afterEach(async () => {
  await nginx.stop();
  await repository[Symbol.asyncDispose]();
});

/** Its names are spread, so that what comes next may lie anywhere in the order of locations. */
async function add(): Promise<void> {
  made += 1;
  const name = `p${random.below(90) + 10}n${made}`;
  crafted.set(name, 0);
  await put(name);
}

async function put(name: string): Promise<void> {
  const release = (crafted.get(name) ?? 0) + 1;
  crafted.set(name, release);
  await repository.put(name, {
    release: `${release}.el9`,
    files: filesOf(name).map((path) => ({ path })),
    dependencies: {
      requires: [{ name: `need-of-${name}` }],
      provides: [{ name }, { name: `gift-of-${name}` }],
    },
  });
}

function filesOf(name: string): readonly string[] {
  const count = 60 + (Number(/n(\d+)$/.exec(name)?.[1]) % 140);
  return Array.from({ length: count }, (_, index) => `/usr/share/${name}/file-${index} & more`);
}

async function change(): Promise<void> {
  const names = [...crafted.keys()];
  const chance = random.next();
  if (chance < 0.5) await add();
  else if (chance < 0.75) await put(random.pick(names));
  else {
    const name = random.pick(names);
    crafted.delete(name);
    await rm(join(repository.dir, `Packages/${name}.rpm`));
  }
}

function expectedNevras(): readonly string[] {
  return [
    'application-0:2.1~rc1-1.el9.x86_64',
    'library-2:1.0-1.el9.noarch',
    ...[...crafted].map(([name, release]) => `${name}-0:1.0-${release}.el9.x86_64`),
  ].toSorted();
}

function groupCount(): number {
  const database = new DatabaseSync(join(repository.stateDir, 'index.sqlite'), { readOnly: true });
  const count = database.prepare('SELECT count(*) AS count FROM index_group').get()?.['count'];
  database.close();
  return Number(count);
}

function hostOf(name: string): Host {
  return { root: join(repository.workDir, name), repositoryUrl: `${nginx.baseUrl}/repo/${REPOSITORY}/` };
}

async function expectInstalled({ root }: Host): Promise<void> {
  await expect(readFile(join(root, LIBRARY_FILE), 'utf8')).resolves.toBe('data');
  await expect(readFile(join(root, APPLICATION_FILE), 'utf8')).resolves.toBe('program');
}

/** What dnf reads of all packages, and of some in each file. */
async function expectReadByDnf(host: Host): Promise<void> {
  expect(await dnfMakecache(host)).toMatchObject({ exitCode: 0 });
  const query = await dnfRepoquery(host);
  expect(query.exitCode).toBe(0);
  expect(query.stdout.split('\n').toSorted()).toEqual(expectedNevras());
  const name = [...crafted.keys()].at(-1) ?? '';
  expect((await dnfRepoquery(host, '--requires', name)).stdout).toBe(`need-of-${name}`);
  expect((await dnfRepoquery(host, '--provides', name)).stdout.split('\n')).toContain(`gift-of-${name}`);
  const listed = await dnfRepoquery(host, '--list', name);
  expect(listed.stdout.split('\n').toSorted()).toEqual(filesOf(name).toSorted());
  const owner = await dnfRepoquery(host, '--file', filesOf(name).at(-1) ?? '');
  expect(owner.stdout).toMatch(new RegExp(`^${name}-0:`));
}

async function expectReadByZypper(host: Host): Promise<void> {
  expect(await zypperRefresh(host)).toMatchObject({ exitCode: 0 });
  const search = await zypperSearch(host);
  expect(search.exitCode).toBe(0);
  const found = search.stdout
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, , kind]) => kind === 'package')
    .map(([, name, , version]) => `${name} ${version}`);
  expect(found.toSorted()).toEqual(
    [
      'application 2.1~rc1-1.el9',
      'library 2:1.0-1.el9',
      ...[...crafted].map(([name, release]) => `${name} 1.0-${release}.el9`),
    ].toSorted(),
  );
  const name = [...crafted.keys()].at(-1) ?? '';
  const provider = await zypperSearch(host, '--provides', '--match-exact', `gift-of-${name}`);
  expect(provider.stdout).toContain(` ${name} `);
}

describe.each<IndexFormatName>(['gzip', 'zstd'])('a repository of several groups in %s', (format) => {
  const index = async (): Promise<void> => {
    const built = await repository.run({ format });
    expect(built).toMatchObject({ leftOut: [], packageCount: crafted.size + 2 });
  };
  const changeOften = async (): Promise<void> => {
    for (let number = 0; number < CHANGES; number += 1) {
      await change();
      await index();
    }
  };

  test(`is read by dnf, which installs from it, as it is and after ${CHANGES} changes`, async () => {
    await index();
    expect(groupCount()).toBeGreaterThanOrEqual(4);
    const host = hostOf('host');
    await expectReadByDnf(host);
    await changeOften();
    await expectReadByDnf(host);
    expect(await dnfInstall(host, 'application')).toMatchObject({ exitCode: 0 });
    await expectInstalled(host);
  });

  test(`is read by zypper, which installs from it, as it is and after ${CHANGES} changes`, async () => {
    await index();
    const host = hostOf('host');
    expect(await zypperAddRepository(host)).toMatchObject({ exitCode: 0 });
    await expectReadByZypper(host);
    await changeOften();
    await expectReadByZypper(host);
    expect(await zypperInstall(host, 'application')).toMatchObject({ exitCode: 0 });
    await expectInstalled(host);
  });
});
