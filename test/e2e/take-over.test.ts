import { copyFile, cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildRpm } from '../support/build-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { runCreaterepo } from '../support/run-createrepo.ts';
import { dnfRepoquery } from '../support/run-dnf.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { type RunningService, startService } from '../support/run-service.ts';
import { putPackage } from '../support/send-request.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

// One service over trees that createrepo_c indexed; each test looks at a repository of its own.

const NAMES = ['alpha', 'beta'] as const;
const EVERYTHING = NAMES.map((name) => `${name}-0:1.0-1.el9.x86_64`);

let dir: TempDir;
let service: RunningService;
const files = new Map<string, string>();
const listedBefore: (readonly string[])[] = [];
const fileOf = (name: string): string => files.get(name) ?? '';
const storage = (...path: readonly string[]): string => join(dir.path, 'storage', ...path);

beforeAll(async () => {
  dir = await createTempDir();
  for (const name of [...NAMES, 'secret']) {
    files.set(name, await buildRpm({ name, arch: 'x86_64' }, join(dir.path, 'built')));
  }
  const pool = join(dir.path, 'pool');
  await mkdir(pool);
  for (const name of NAMES) await copyFile(fileOf(name), join(pool, basename(fileOf(name))));
  for (const releasever of ['9', '10', '11', '12', '13']) {
    await mkdir(storage(releasever, 'x86_64'), { recursive: true });
  }
  // 9: each package a link. 10: the directory of packages a link. 11: packages beside the repository.
  for (const name of NAMES)
    await symlink(join(pool, basename(fileOf(name))), storage('9/x86_64', basename(fileOf(name))));
  await runCreaterepo(storage('9/x86_64'));
  await symlink(pool, storage('10/x86_64/Packages'));
  await runCreaterepo(storage('10/x86_64'));
  await cp(pool, storage('11/pool'), { recursive: true });
  await runCreaterepo(storage('11/pool'), '--location-prefix=../pool', '--outputdir', storage('11/x86_64'));
  // 12: one package that createrepo_c was told to leave out. 13: all is in order.
  for (const repository of ['12/x86_64', '13/x86_64'])
    await cp(pool, storage(repository), { recursive: true });
  await copyFile(fileOf('secret'), storage('12/x86_64', basename(fileOf('secret'))));
  await runCreaterepo(storage('12/x86_64'), '--excludes=secret*');
  await runCreaterepo(storage('13/x86_64'));
  for (const releasever of ['9', '10', '11', '12', '13']) listedBefore.push(await listed(releasever));
  service = await startService({
    root: dir.path,
    config: { index_updater: { quiet_seconds: 1, max_wait_seconds: 5 } },
  });
});
afterAll(async () => {
  await service.stop();
  await dir.remove();
});

/** What dnf sees of a repository on the disk. */
async function listed(releasever: string): Promise<readonly string[]> {
  const host = {
    root: join(dir.path, `host-${releasever}`),
    repositoryUrl: `file://${storage(releasever, 'x86_64')}`,
    options: ['--setopt=metadata_expire=0'],
  };
  const { stdout, exitCode, stderr } = await dnfRepoquery(host);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return stdout.split('\n').filter(Boolean).toSorted();
}

interface Fault {
  readonly repository?: string;
  readonly code: string;
  readonly detail: string;
}

async function faultsOf(repository: string): Promise<readonly Fault[]> {
  const answer: { readonly faults: readonly Fault[] } = JSON.parse(
    await (await fetch(`${service.baseUrl}/readyz`)).text(),
  );
  return answer.faults.filter((fault) => fault.repository === repository);
}

const rpmyard = (command: string, ...args: readonly string[]) =>
  runRpmyard(command, '-c', service.configPath, ...args);

test('every repository shows its packages to dnf before the service starts', () => {
  expect(listedBefore).toEqual([EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING, EVERYTHING]);
});

test.each([
  ['9/x86_64', 'TAKEOVER_UNDECIDED', /symbolic link/],
  ['10/x86_64', 'STORAGE_FAILED', /symbolic link/],
  ['11/x86_64', 'TAKEOVER_UNDECIDED', /outside of the repository/],
] as const)(
  '%s, whose packages would leave, keeps the index that was found, and the fault says which and why',
  async (repository, code, detail) => {
    await eventually(async () =>
      expect(await faultsOf(repository)).toMatchObject([{ code, detail: expect.stringMatching(detail) }]),
    );
    await service.whenLogged((line) => line['repository'] === repository && line.level === 50);
    expect(await listed(repository.replace('/x86_64', ''))).toEqual(EVERYTHING);
    const { exitCode, stdout } = await rpmyard('verify', repository);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(detail);
    const metrics = await (await fetch(`${service.baseUrl}/metrics`)).text();
    expect(metrics).toContain(
      `rpmyard_faults{affects="indexes",code="${code}",repository="${repository}"} 1`,
    );
  },
);

test('an upload into such a repository is stored, is told that it is not published, and appears when a person says yes', async () => {
  const bytes = await readFile(fileOf('secret'));
  const { status, text } = await putPackage(service.baseUrl, bytes, 'wait=20&releasever=11');
  expect({ status, text }).toMatchObject({
    status: 503,
    text: expect.stringContaining('TAKEOVER_UNDECIDED'),
  });
  expect(await listed('11')).toEqual(EVERYTHING);
  expect(await rpmyard('reindex', '--take-over', '11/x86_64')).toMatchObject({ exitCode: 0 });
  expect(await listed('11')).toEqual(['secret-0:1.0-1.el9.x86_64']);
  expect(await faultsOf('11/x86_64')).toEqual([]);
});

test('a package that createrepo_c left out does not become public unasked, while uploads do', async () => {
  await eventually(async () =>
    expect(await faultsOf('12/x86_64')).toMatchObject([{ code: 'PACKAGE_HELD_BACK' }]),
  );
  expect(await listed('12')).toEqual(EVERYTHING);
  expect(await rpmyard('reindex', '12/x86_64')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('PACKAGE_HELD_BACK'),
  });
  expect(await listed('12')).toEqual(EVERYTHING);
  expect(await rpmyard('reindex', '--take-over', '12/x86_64')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await listed('12')).toEqual([...EVERYTHING, 'secret-0:1.0-1.el9.x86_64']);
});

test('an acknowledged package that is damaged is never published so, and the upload of its bytes mends it', async () => {
  const bytes = await readFile(fileOf('secret'));
  expect(await putPackage(service.baseUrl, bytes, 'wait=30&releasever=13')).toMatchObject({ status: 201 });
  const all = [...EVERYTHING, 'secret-0:1.0-1.el9.x86_64'];
  expect(await listed('13')).toEqual(all);
  const path = storage('13/x86_64/Packages', basename(fileOf('secret')));
  await rm(path);
  await writeFile(path, bytes.subarray(0, -8));
  expect(await rpmyard('reindex', '13/x86_64')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('PACKAGE_DAMAGED'),
  });
  expect(await listed('13')).toEqual(all);
  expect(await faultsOf('13/x86_64')).toMatchObject([{ code: 'PACKAGE_DAMAGED' }]);
  const { stdout } = await rpmyard('verify', '--read-data', '13/x86_64');
  expect(stdout.split('\n').filter((line) => line.includes(basename(path)))).toHaveLength(1);

  expect(await putPackage(service.baseUrl, bytes, 'wait=30&releasever=13')).toMatchObject({ status: 201 });
  expect(await readFile(path)).toEqual(bytes);
  expect(await faultsOf('13/x86_64')).toEqual([]);
  expect(await rpmyard('verify', '--read-data', '13/x86_64')).toMatchObject({ exitCode: 0 });
});

test('packages that were links are taken in by rpmyard adopt, which says before what a tree would lose', async () => {
  await service.stop();
  const dry = await rpmyard('adopt', storage('11/x86_64'));
  expect(dry.exitCode).toBe(0);
  const linked = await rpmyard('adopt', '--apply', storage('9/x86_64'));
  expect(linked).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await listed('9')).toEqual(EVERYTHING);
  const outside = await rpmyard('adopt', storage('10/x86_64'));
  expect(outside).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('hosts would miss these') });
});
