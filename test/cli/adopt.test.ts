import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { parseRepomd } from '../../src/rpm/repodata/repomd.ts';
import { SqliteRecords } from '../../src/storage/local/sqlite-records.ts';
import type { Receipt } from '../../src/storage/records.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { createGpgKeys } from '../support/gpg-keys.ts';
import {
  buildOldPackages,
  COMPS,
  layOut,
  linkInto,
  type OldPackages,
  snapshot,
  UPDATEINFO,
  writeSite,
} from '../support/old-tree.ts';
import { lacks } from '../support/lacks.ts';
import { withOwnMount } from '../support/own-mount.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { modifyRepo, runCreaterepo } from '../support/run-createrepo.ts';
import { dnfInstall, dnfRepoquery, runDnf } from '../support/run-dnf.ts';
import { BIN, runRpmyard } from '../support/run-rpmyard.ts';
import { startService } from '../support/run-service.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

/** Of nobody and nogroup on every distribution. */
const NOBODY = 65_534;
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

interface Refused {
  readonly path: string;
  readonly code: string;
}

/** What the tests read of `--json`. */
interface Report {
  readonly isSettled: boolean;
  readonly transfer: { readonly linkCount: number; readonly copyCount: number; readonly copyBytes: number };
  readonly packages: readonly {
    readonly nevra: string;
    readonly repositories: readonly string[];
    readonly missingIn: readonly string[];
    readonly paths: readonly string[];
  }[];
  readonly refusals: readonly Refused[];
  readonly conflicts: readonly { readonly claims: readonly { readonly paths: readonly string[] }[] }[];
  readonly notes: readonly { readonly text: string; readonly paths: readonly string[] }[];
  readonly metadata: { readonly planned: readonly { readonly repository: string; readonly type: string }[] };
  readonly links: readonly string[];
  readonly applied?: {
    readonly takenCount: number;
    readonly linkCount: number;
    readonly copyCount: number;
    readonly published: readonly { readonly repository: string; readonly packageCount: number }[];
    readonly failures: readonly Refused[];
  };
}

interface Place extends AsyncDisposable {
  /** The tree to be taken over. */
  readonly old: string;
  readonly site: string;
  readonly storage: string;
  readonly config: string;
}

/** An empty directory for the old tree beside an empty site. */
async function newPlace(): Promise<Place> {
  const temp = await createTempDir();
  await chmod(temp.path, 0o755);
  const site = join(temp.path, 'site');
  const old = join(temp.path, 'old');
  await mkdir(old);
  const config = await writeSite(site);
  return {
    old,
    site,
    storage: join(site, 'storage'),
    config,
    [Symbol.asyncDispose]: () => temp.remove(),
  };
}

async function adoptAsJson(place: Place, ...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await runRpmyard(
    'adopt',
    place.old,
    '-c',
    place.config,
    '--json',
    ...args,
  );
  expect(stderr).toBe('');
  const report: Report = JSON.parse(stdout);
  return { exitCode, report };
}

/** The NEVRA of each package in the index of a repository on disk, as the names of their files say it. */
async function indexed({ storage }: Place, repository: string): Promise<readonly string[]> {
  const { packages } = await readIndex(readerOnDisk(storage, repository));
  return [...packages.keys()].map((location) => basename(location, '.rpm')).toSorted();
}

/** What dnf lists of it. */
async function listedByDnf({ site, storage }: Place, repository: string): Promise<readonly string[]> {
  const host = { root: join(site, '../host'), repositoryUrl: `file://${storage}/${repository}` };
  const { stdout, exitCode, stderr } = await dnfRepoquery(host);
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  return stdout.split('\n').filter(Boolean).toSorted();
}

async function receiptsOf({ site }: Place, repository: string): Promise<readonly Receipt[]> {
  const records = new SqliteRecords(join(site, 'state'));
  try {
    return await records.listReceipts(repo(repository));
  } finally {
    await records.close();
  }
}

async function leftoversOf({ site }: Place): Promise<readonly string[]> {
  const folders = ['spool', 'state/incoming', 'state/scratch', 'state/marks'].map((name) => join(site, name));
  return (await Promise.all(folders.map(async (folder) => readdir(folder)))).flat();
}

let packages: OldPackages;
let packageDir: TempDir;

beforeAll(async () => {
  packageDir = await createTempDir();
  packages = await buildOldPackages(packageDir.path);
});

afterAll(() => packageDir.remove());

const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  '8/x86_64': ['alpha-1.0-1.el8.x86_64'],
  '9/SRPMS': ['alpha-1.0-1.el9.src'],
  '9/aarch64': ['noarch-1.0-1.el9.noarch'],
  '9/x86_64': ['alpha-1.0-1.el9.x86_64', 'noarch-1.0-1.el9.noarch'],
};

/** The layouts of others, each with the directories that are indexed. */
const LAYOUTS: readonly [string, (old: string) => Promise<readonly string[]>][] = [
  [
    'with packages beside repodata',
    async (old) => {
      await layOut(old, {
        el9: [packages.alpha, packages.noarch],
        el8: [packages.alphaOf8],
        'el9-sources': [packages.source],
      });
      return ['el9', 'el8', 'el9-sources'];
    },
  ],
  [
    'with packages in Packages/',
    async (old) => {
      await layOut(old, {
        'os/el9/Packages/a': [packages.alpha],
        'os/el9/Packages/n': [packages.noarch],
        'os/el8/Packages': [packages.alphaOf8],
        'source/tree/Packages': [packages.source],
      });
      return ['os/el9', 'os/el8', 'source/tree'];
    },
  ],
  [
    'with one mixed directory',
    async (old) => {
      await layOut(old, { '.': [packages.alpha, packages.alphaOf8, packages.noarch, packages.source] });
      return ['.'];
    },
  ],
  [
    'of the original service, noarch packages as links',
    async (old) => {
      await layOut(old, {
        '9/x86_64/Packages': [packages.alpha, packages.noarch],
        '8/x86_64/Packages': [packages.alphaOf8],
        '9/SRPMS/Packages': [packages.source],
      });
      await linkInto(
        join(old, '9/x86_64/Packages', basename(packages.noarch)),
        join(old, '9/aarch64/Packages'),
      );
      return ['9/x86_64', '9/aarch64', '8/x86_64', '9/SRPMS'];
    },
  ],
];

describe('rpmyard adopt', () => {
  it.each(LAYOUTS)('takes over a tree %s', async (_, lay) => {
    await using place = await newPlace();
    for (const directory of await lay(place.old)) await runCreaterepo(join(place.old, directory));
    const before = await snapshot(place.old);

    const dry = await runRpmyard('adopt', place.old, '-c', place.config);
    expect(dry).toMatchObject({ exitCode: 0, stderr: '' });
    expect(dry.stdout).toContain('4  would be taken: 4 links, nothing to copy\n');
    expect(await readdir(place.site)).toEqual([]);

    const { exitCode, report } = await adoptAsJson(place, '--apply');
    expect(exitCode).toBe(0);
    expect(report.applied).toMatchObject({ takenCount: 4, linkCount: 4, copyCount: 0, failures: [] });
    for (const [repository, nevras] of Object.entries(EXPECTED)) {
      expect(await indexed(place, repository)).toEqual(nevras);
    }
    expect(await listedByDnf(place, '9/x86_64')).toEqual([
      'alpha-0:1.0-1.el9.x86_64',
      'noarch-0:1.0-1.el9.noarch',
    ]);
    expect(await snapshot(place.old)).toEqual(before);
    expect(await leftoversOf(place)).toEqual([]);
    expect(await runRpmyard('verify', '--read-data', '-c', place.config)).toMatchObject({ exitCode: 0 });

    const again = await runRpmyard('adopt', '--apply', place.old, '-c', place.config);
    expect(again).toMatchObject({ exitCode: 0, stderr: '' });
    expect(again.stdout).toContain('4  there already\n');
    expect(again.stdout).not.toContain('taken:');
  });

  it('carries comps and updateinfo into the repository that the packages beside them go to', async () => {
    await using place = await newPlace();
    await layOut(place.old, { el9: [packages.alpha, packages.noarch] });
    const comps = join(place.site, '../comps.xml');
    const updateinfo = join(place.site, '../updateinfo.xml');
    await writeFile(comps, COMPS);
    await writeFile(updateinfo, UPDATEINFO);
    await runCreaterepo(join(place.old, 'el9'), '--database', `--groupfile=${comps}`);
    await modifyRepo(join(place.old, 'el9'), 'updateinfo', updateinfo);
    // Hosts of it refuse an index that is older, also when its clock was fast.
    const repomd = join(place.old, 'el9/repodata/repomd.xml');
    const ahead = (await readFile(repomd, 'utf8'))
      .replace(/<revision>\d+/, '<revision>1999999998')
      .replace(/<timestamp>\d+/, '<timestamp>1999999997');
    await writeFile(repomd, ahead);
    await utimes(repomd, 1_999_999_996, 1_999_999_996);

    expect((await adoptAsJson(place, '--apply')).exitCode).toBe(0);
    const published = join(place.storage, '9/x86_64/repodata/repomd.xml');
    const { revision, data } = parseRepomd(await readFile(published, 'utf8'));
    expect(Number(revision)).toBeGreaterThan(1_999_999_998);
    for (const { timestampSeconds } of data) expect(timestampSeconds).toBeGreaterThanOrEqual(1_999_999_997);
    expect((await stat(published)).mtimeMs).toBeGreaterThan(1_999_999_996_000);
    const host = { root: join(place.site, '../host'), repositoryUrl: `file://${place.storage}/9/x86_64` };
    expect((await runDnf(host, ['group', 'list', '--hidden'])).stdout).toContain('Tools');
    expect(await dnfInstall(host, 'alpha')).toMatchObject({ exitCode: 0 });
    expect((await runDnf(host, ['updateinfo', 'list', '--installed'])).stdout).toContain('OLD-2024-1');
    const { types } = await readIndex(readerOnDisk(place.storage, '9/aarch64'));
    expect(types.toSorted()).toEqual(['filelists', 'other', 'primary']);

    const again = await adoptAsJson(place, '--apply');
    expect(again).toMatchObject({ exitCode: 0, report: { applied: { published: [] } } });

    // What is published here is never replaced by what lies there.
    await writeFile(updateinfo, UPDATEINFO.replace('OLD-2024-1', 'OLD-2024-2'));
    await modifyRepo(join(place.old, 'el9'), 'updateinfo', updateinfo);
    const other = await adoptAsJson(place, '--apply');
    expect(other).toMatchObject({
      exitCode: 1,
      report: { metadata: { conflicts: [{ repository: '9/x86_64', type: 'updateinfo', isStored: true }] } },
    });
  });

  it('takes none of two packages in conflict and no broken one, says why, and takes the rest', async () => {
    await using place = await newPlace();
    await layOut(place.old, {
      a: [packages.alpha, packages.noarch],
      b: [packages.noarch],
      c: [packages.untagged],
    });
    for (const [directory, summary] of [
      ['a', 'one'],
      ['b', 'other'],
    ] as const) {
      await writeFile(
        join(place.old, directory, 'twice.rpm'),
        craftRpm({ name: 'twice', arch: 'x86_64', summary }),
      );
    }
    await layOut(place.old, { cut: [packages.alphaOf8] });
    const cut = `cut/${basename(packages.alphaOf8)}`;
    await truncate(join(place.old, cut), (await lstat(join(place.old, cut))).size - 10);
    await writeFile(join(place.old, 'a/text.rpm'), 'no package');
    await symlink(join(place.old, 'a'), join(place.old, 'd'));
    await symlink('/nonexistent/x.rpm', join(place.old, 'link.rpm'));
    await mkdir(join(place.old, '.hidden'));
    await writeFile(join(place.old, '.hidden/x.rpm'), 'hidden');
    await writeFile(join(place.old, 'delta.drpm'), 'delta');

    const { exitCode, report } = await adoptAsJson(place, '--apply');
    expect(exitCode).toBe(1);
    expect(report.refusals.map(({ path, code }) => `${path} ${code}`).toSorted()).toEqual([
      'a/text.rpm RPM_MALFORMED',
      `c/${basename(packages.untagged)} RELEASEVER_UNKNOWN`,
      `${cut} RPM_TRUNCATED`,
    ]);
    expect(report.conflicts).toMatchObject([
      { claims: [{ paths: ['a/twice.rpm'] }, { paths: ['b/twice.rpm'] }] },
    ]);
    expect(report.links).toEqual(['d', 'link.rpm']);
    expect(report.packages.map(({ paths }) => paths.length)).toEqual([1, 2]);
    expect(await indexed(place, '9/x86_64')).toEqual(EXPECTED['9/x86_64']);
    expect(await readdir(place.storage)).toEqual(expect.not.arrayContaining(['8']));

    const told = await adoptAsJson(place, '--apply', '--releasever', '7');
    expect(told.report.applied).toMatchObject({ takenCount: 1 });
    expect(await indexed(place, '7/x86_64')).toEqual(['untagged-1.0-3.noarch']);
  });

  it('takes a package without a tag to the repository whose directory it lies in', async () => {
    await using place = await newPlace();
    await layOut(place.old, { 'centos/8/x86_64/os': [packages.untagged], 'el7/x86_64': [packages.alpha] });
    const { report } = await adoptAsJson(place, '--apply');
    expect(await indexed(place, '8/x86_64')).toEqual(['untagged-1.0-3.noarch']);
    expect(report.notes).toMatchObject([{ text: expect.stringMatching(/^in 7\/x86_64, but built for 9/) }]);
  });

  it('never reads what a hostile repomd.xml names outside of its directory', async () => {
    await using place = await newPlace();
    await layOut(place.old, { el9: [packages.alpha] });
    const repository = join(place.old, 'el9');
    const secret = join(place.site, '../secret');
    await writeFile(join(place.site, '../comps.xml'), COMPS);
    await runCreaterepo(repository);
    await modifyRepo(repository, 'group', join(place.site, '../comps.xml'));
    const repomdPath = join(repository, 'repodata/repomd.xml');
    const repomd = await readFile(repomdPath, 'utf8');
    const href = /repodata\/[0-9a-f]+-comps\.xml[^"]*/.exec(repomd)?.[0] ?? '';
    // With everything else as it should be, so that only its place speaks against it.
    await copyFile(join(repository, href), secret);
    expect((await adoptAsJson(place)).report.metadata.planned).toHaveLength(1);
    for (const other of ['repodata/../../../secret', '../../secret', 'repodata/link']) {
      await writeFile(repomdPath, repomd.replace(href, other));
      if (other === 'repodata/link') await symlink(secret, join(repository, other));
      const { report } = await adoptAsJson(place);
      expect(report.refusals).toHaveLength(1);
      expect(report.metadata.planned).toEqual([]);
    }
  });

  it.each(['sha3-256', 'md4', ''])(
    'takes no metadata whose checksum is of the unknown type "%s"',
    async (type) => {
      await using place = await newPlace();
      await layOut(place.old, { el9: [packages.alpha] });
      const repository = join(place.old, 'el9');
      const comps = join(place.site, '../comps.xml');
      await writeFile(comps, COMPS);
      await runCreaterepo(repository);
      await modifyRepo(repository, 'group', comps);
      const repomdPath = join(repository, 'repodata/repomd.xml');
      const repomd = await readFile(repomdPath, 'utf8');
      const withType = (other: string) =>
        repomd.replaceAll('<checksum type="sha256">', `<checksum type="${other}">`);
      await writeFile(repomdPath, withType('SHA256'));
      expect((await adoptAsJson(place)).report.metadata.planned).toHaveLength(1);
      await writeFile(repomdPath, withType(type));
      const { report } = await adoptAsJson(place);
      expect(report.refusals).toMatchObject([{ code: 'METADATA_INVALID' }]);
      expect(report.metadata.planned).toEqual([]);
    },
  );

  it('works beside a running service as long as it only looks', async () => {
    await using place = await newPlace();
    await layOut(place.old, { el9: [packages.alpha] });
    await using service = await startService({ root: place.site });
    const own = { ...place, config: service.configPath };
    expect(await adoptAsJson(own)).toMatchObject({
      exitCode: 0,
      report: { packages: [{ missingIn: ['9/x86_64'] }] },
    });
    const refused = await runRpmyard('adopt', '--apply', place.old, '-c', service.configPath);
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toMatch(/TREE_LOCKED.*systemctl stop rpmyard\.socket rpmyard/s);
    await service.stop();
    expect(await adoptAsJson(own, '--apply')).toMatchObject({ exitCode: 0 });
  });

  it('takes the tree of the original service over in place, and links what is misplaced', async () => {
    await using place = await newPlace();
    const own = { ...place, old: place.storage };
    await layOut(place.storage, {
      '9/x86_64/Packages': [packages.alpha, packages.noarch],
      '9/aarch64/Packages': [packages.noarch],
      '9/x86_64': [packages.source],
    });
    for (const repository of ['9/x86_64', '9/aarch64']) await runCreaterepo(join(place.storage, repository));
    const before = await snapshot(place.storage);
    const dry = await adoptAsJson(own);
    expect(dry).toMatchObject({ exitCode: 0, report: { transfer: { linkCount: 1, copyCount: 0 } } });
    expect(dry.report.notes).toMatchObject([{ paths: [`9/x86_64/${basename(packages.source)}`] }]);
    expect(await snapshot(place.storage)).toEqual(before);

    expect((await adoptAsJson(own, '--apply')).exitCode).toBe(0);
    expect(await indexed(place, '9/SRPMS')).toEqual(EXPECTED['9/SRPMS']);
    const packagesBefore = [...before].filter(([path]) => path.endsWith('.rpm'));
    expect([...(await snapshot(place.storage))]).toEqual(expect.arrayContaining(packagesBefore));
  });

  it.each([
    ['no directory', []],
    ['two directories', ['a', 'b']],
    ['an unknown option', ['a', '--link']],
    ['a releasever that is none', ['a', '--releasever', '../9']],
  ])('refuses %s as wrong usage', async (_, args) => {
    expect(await runRpmyard('adopt', ...args)).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('refuses a directory that is not there, and one that holds the state or lies in it', async () => {
    await using place = await newPlace();
    const run = (path: string) => runRpmyard('adopt', path, '-c', place.config);
    expect(await run(join(place.old, 'none'))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('NOT_FOUND'),
    });
    await mkdir(join(place.site, 'state/inner'), { recursive: true });
    for (const path of [place.site, join(place.site, 'state/inner')]) {
      expect(await run(path)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('PARAMETER_INVALID'),
      });
    }
  });

  it('prints names that would turn a terminal in printable characters', async () => {
    await using place = await newPlace();
    await writeFile(join(place.old, 'a\u001b[31m\u202e\n.rpm'), 'no package');
    for (const options of [[], ['--json']]) {
      const { stdout } = await runRpmyard('adopt', place.old, '-c', place.config, ...options);
      expect(stdout).toContain('u202e');
      expect(stdout).not.toMatch(UNPRINTABLE);
    }
  });
});

describe('rpmyard adopt with rules on signatures', () => {
  it('refuses in the dry run already what an upload would be refused for', async () => {
    await using place = await newPlace();
    await using keys = await createGpgKeys();
    const key_files = [await keys.exportKey(await keys.makeKey('Builder <b@example.com>'))];
    const keyrings = [{ repositories: ['9/*'], key_files, require: 'signed' }];
    await writeSite(place.site, { package_signatures: { keyrings } });
    await layOut(place.old, { el9: [packages.alpha], el8: [packages.alphaOf8] });
    const dry = await adoptAsJson(place);
    expect(dry.report.refusals).toMatchObject([{ code: 'PACKAGE_UNSIGNED' }]);
    expect((await adoptAsJson(place, '--apply')).report.applied).toMatchObject({
      takenCount: 1,
      failures: [],
    });
  });

  it('knows a package that was signed when it was taken in', async () => {
    await using place = await newPlace();
    await using keys = await createGpgKeys();
    const key = await keys.makeKey('Rpmyard <r@example.com>', { algorithm: 'rsa2048' });
    await writeSite(place.site, { signing: { keys: [key], sign_packages: true, gnupg_home: keys.path } });
    await layOut(place.old, { el9: [packages.alpha] });
    const first = await adoptAsJson(place, '--apply');
    expect(first).toMatchObject({ exitCode: 0, report: { applied: { takenCount: 1 } } });
    const again = await adoptAsJson(place, '--apply');
    expect(again).toMatchObject({ exitCode: 0, report: { conflicts: [], applied: { takenCount: 0 } } });
  });
});

describe('rpmyard adopt --apply that is killed', () => {
  const COUNT = 300;

  // Without metadata, which would be a reason of its own to publish, only the mark tells of the index that is owed.
  const moments: readonly [string, readonly string[], (place: Place) => Promise<boolean>][] = [
    [
      'while files get their names',
      ['group'],
      async ({ site }) => (await namesAt(join(site, 'state/incoming'))).length > 20,
    ],
    [
      'while packages are placed',
      ['group'],
      async ({ storage }) => (await namesAt(join(storage, '9/x86_64/Packages'))).length > 20,
    ],
    [
      'while the index is made',
      [],
      async ({ storage, site }) =>
        (await namesAt(join(storage, '9/x86_64/Packages'))).length === COUNT &&
        (await namesAt(join(site, 'state/incoming'))).length === 0 &&
        (await namesAt(join(site, 'state/scratch'))).length > 0,
    ],
  ];

  test.each(moments)('%s is completed by the next one', async (_, foreignTypes, isReached) => {
    await using place = await newPlace();
    await layOut(place.old, { el9: [packages.alpha] });
    const comps = join(place.site, '../comps.xml');
    await writeFile(comps, COMPS);
    await runCreaterepo(join(place.old, 'el9'));
    for (const type of foreignTypes) await modifyRepo(join(place.old, 'el9'), type, comps);
    for (let index = 1; index < COUNT; index += 1) {
      await writeFile(join(place.old, `el9/p${index}.rpm`), craftRpm({ name: `p${index}`, arch: 'x86_64' }));
    }
    const before = await snapshot(place.old);
    const child = spawn(process.execPath, [BIN, 'adopt', place.old, '--apply', '-c', place.config], {
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    while (!(await isReached(place)) && child.exitCode === null) {
      // As often as the disk answers: the moment is short.
    }
    child.kill('SIGKILL');
    expect(await exited).toEqual([null, 'SIGKILL']);

    const { exitCode, report } = await adoptAsJson(place, '--apply');
    expect({ exitCode, failures: report.applied?.failures }).toEqual({ exitCode: 0, failures: [] });
    const index = await readIndex(readerOnDisk(place.storage, '9/x86_64'));
    expect(index.packages.size).toBe(COUNT);
    expect(index.types.toSorted()).toEqual(['filelists', 'other', 'primary', ...foreignTypes].toSorted());
    expect(await receiptsOf(place, '9/x86_64')).toHaveLength(COUNT);
    expect(await leftoversOf(place)).toEqual([]);
    expect(await snapshot(place.old)).toEqual(before);
    expect(await runRpmyard('verify', '--read-data', '-c', place.config)).toMatchObject({ exitCode: 0 });
    expect((await adoptAsJson(place, '--apply')).report.applied).toMatchObject({
      takenCount: 0,
      published: [],
    });
  });
});

describe.skipIf(lacks('root'))('as root, over a tree of another user (needs root)', () => {
  async function ownedPlace(): Promise<Place> {
    const place = await newPlace();
    await chown(place.site, NOBODY, NOBODY);
    return place;
  }

  it('links what is that user’s, copies what is not, and leaves nothing of root’s', async () => {
    await using place = await ownedPlace();
    await layOut(place.old, { el9: [packages.alpha, packages.noarch] });
    const ofNobody = join(place.old, 'el9', basename(packages.alpha));
    const ofRoot = join(place.old, 'el9', basename(packages.noarch));
    await chown(ofNobody, NOBODY, NOBODY);
    const before = await lstat(ofRoot);
    expect((await adoptAsJson(place, '--apply')).report.applied).toMatchObject({
      linkCount: 1,
      copyCount: 1,
    });
    expect(await indexed(place, '9/x86_64')).toEqual(EXPECTED['9/x86_64']);
    for (const name of ['.', ...(await readdir(place.site, { recursive: true }))]) {
      const { uid, gid } = await lstat(join(place.site, name));
      expect({ name, uid, gid }).toEqual({ name, uid: NOBODY, gid: NOBODY });
    }
    const placed = join(place.storage, '9/x86_64/Packages');
    expect((await lstat(join(placed, basename(packages.alpha)))).ino).toBe((await lstat(ofNobody)).ino);
    const { ino, nlink, uid, mode } = await lstat(ofRoot);
    expect({ ino, nlink, uid, mode }).toEqual({ ino: before.ino, nlink: 1, uid: 0, mode: before.mode });
    // The service of that user takes it from here.
    const wrapper = AS_NOBODY;
    await using service = await startService({ root: place.site, wrapper, env: { HOME: place.site } });
    expect(await readIndex(readerOnDisk(service.storageDir, '9/x86_64'))).toMatchObject({
      packages: expect.objectContaining({ size: 2 }),
    });
  });

  it.each(['reindex', 'verify'])('%s leaves nothing of root’s either', async (command) => {
    await using place = await ownedPlace();
    await layOut(place.old, { el9: [packages.alpha] });
    await adoptAsJson(place, '--apply');
    expect(await runRpmyard(command, '-c', place.config)).toMatchObject({ exitCode: 0, stderr: '' });
    for (const name of await readdir(place.site, { recursive: true })) {
      expect({ name, uid: (await lstat(join(place.site, name))).uid }).toEqual({ name, uid: NOBODY });
    }
  });

  it('names an index that cannot be published, and the next one publishes it', async () => {
    await using place = await ownedPlace();
    await layOut(place.storage, { '9/x86_64/Packages': [packages.alpha] });
    await layOut(place.old, { el9: [packages.noarch] });
    await runCreaterepo(join(place.storage, '9/x86_64'));
    for (const name of ['', '9', '9/x86_64', '9/x86_64/Packages']) {
      await chown(join(place.storage, name), NOBODY, NOBODY);
    }
    const repodata = join(place.storage, '9/x86_64/repodata');
    const failed = await adoptAsJson(place, '--apply');
    expect(failed).toMatchObject({
      exitCode: 1,
      report: { applied: { takenCount: 1, failures: [{ path: '9/x86_64', code: 'STORAGE_FAILED' }] } },
    });
    await chown(repodata, NOBODY, NOBODY);
    expect(await adoptAsJson(place, '--apply')).toMatchObject({ exitCode: 0 });
    expect(await indexed(place, '9/x86_64')).toEqual(EXPECTED['9/x86_64']);
  });

  it('as that user copies the files of others', async () => {
    await using place = await ownedPlace();
    await layOut(place.old, { el9: [packages.alpha] });
    const { stdout } = await execa(AS_NOBODY[0] ?? '', [
      ...AS_NOBODY.slice(1),
      process.execPath,
      BIN,
      'adopt',
      place.old,
      '--apply',
      '--json',
      '-c',
      place.config,
    ]);
    const report: Report = JSON.parse(stdout);
    expect(report.applied).toMatchObject({ linkCount: 0, copyCount: 1 });
    expect(await indexed(place, '9/x86_64')).toEqual(['alpha-1.0-1.el9.x86_64']);
  });

  it.each([[['--apply']], [[]]])(
    'as a user whom a directory above the tree is closed to is refused: %j',
    async (options) => {
      await using place = await newPlace();
      await layOut(place.old, { el9: [packages.alpha] });
      const closed = join(place.site, '../closed');
      await mkdir(closed, { mode: 0o700 });
      await mkdir(join(closed, 'storage'));
      for (const repo of [
        { top_dir: 'closed/storage', state_dir: 'site/state' },
        { top_dir: 'site/storage', state_dir: 'closed/state' },
      ]) {
        await writeFile(place.config, JSON.stringify({ server: { spool_dir: 'site/spool' }, repo }));
        const command = [process.execPath, BIN, 'adopt', place.old, '-c', place.config, ...options];
        const [program = '', ...args] = [...AS_NOBODY, ...command];
        const { exitCode, stdout, stderr } = await execa(program, args, { reject: false });
        expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
        expect(stderr).toMatch(/^rpmyard adopt: TREE_UNUSABLE: [^\n]*\n {2}[^\n]*runuser -u [^\n]*$/);
      }
    },
  );

  it('takes nothing that only root may read, under whatever name', async () => {
    await using place = await ownedPlace();
    await layOut(place.old, { el9: [packages.alpha, packages.noarch] });
    const secret = join(place.old, 'el9', basename(packages.noarch));
    await chmod(secret, 0o600);
    await symlink('/etc/shadow', join(place.old, 'el9/x.rpm'));
    const { exitCode, report } = await adoptAsJson(place, '--apply');
    expect({ exitCode, refused: report.refusals.map(({ path }) => path) }).toEqual({
      exitCode: 1,
      refused: [`el9/${basename(packages.noarch)}`, 'el9/x.rpm'],
    });
    expect(report.applied).toMatchObject({ takenCount: 1 });
    expect(await lstat(secret)).toMatchObject({ uid: 0, nlink: 1, mode: 0o100600 });
  });

  it('as a third user is refused before anything is read', async () => {
    await using place = await newPlace();
    await layOut(place.old, { el9: [packages.alpha] });
    const run = async (command: string, ...args: readonly string[]) =>
      execa(
        AS_NOBODY[0] ?? '',
        [...AS_NOBODY.slice(1), process.execPath, BIN, command, '-c', place.config, ...args],
        {
          reject: false,
        },
      );
    expect(await run('adopt', place.old, '--apply')).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringMatching(/TREE_UNUSABLE.*runuser/s),
    });
    await adoptAsJson(place, '--apply');
    await chmod(join(place.site, 'state/records.sqlite'), 0o600);
    for (const command of ['reindex', 'verify']) {
      expect(await run(command)).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/TREE_UNUSABLE.*runuser/s),
      });
    }
  });
});

describe.skipIf(lacks('mounts'))('from another mount (needs mounts)', () => {
  const run = (mountAt: string, mountArguments: string, script: string) => {
    const [command = '', ...args] = withOwnMount(mountAt, mountArguments);
    return execa(command, [...args, 'sh', '-c', script], { reject: false, stdin: 'ignore' });
  };
  const adoptCommand = ({ old, config }: Place, ...options: readonly string[]) =>
    [process.execPath, BIN, 'adopt', old, '-c', config, '--json', ...options].join(' ');

  it('packages are copied, with as many bytes as the dry run says', async () => {
    await using place = await newPlace();
    await layOut(place.old, { el9: [packages.alpha] });
    const script = [
      adoptCommand(place),
      adoptCommand(place, '--apply'),
      `${process.execPath} ${BIN} verify --json --read-data -c ${place.config}`,
    ].join(' && ');
    const { stdout, exitCode } = await run(place.site, '-t tmpfs -o size=64m tmpfs', script);
    expect(exitCode).toBe(0);
    const [dry, applied, verified] = stdout.split('\n').map((line) => JSON.parse(line));
    const { size } = await lstat(packages.alpha);
    expect(dry.transfer).toMatchObject({ linkCount: 0, copyCount: 1, copyBytes: size });
    expect(applied.applied).toMatchObject({ takenCount: 1, copyCount: 1, linkCount: 0 });
    expect(verified).toMatchObject({ isSound: true, repositories: [{ packageCount: 1 }] });
  });

  it('they are refused before the first one when there is no room for all', async () => {
    await using place = await newPlace();
    await layOut(place.old, { el9: [packages.alpha] });
    const script = `${adoptCommand(place, '--apply')}; code=$?; ls -A ${place.site}; exit $code`;
    const result = await run(place.site, '-t tmpfs -o size=10m tmpfs', script);
    expect(result).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('STORAGE_FULL'),
    });
  });

  it('of the same file system they are copied too, as the kernel refuses links between mounts', async () => {
    await using place = await newPlace();
    await layOut(place.old, { el9: [packages.alpha] });
    const bound = join(place.site, '../bound');
    const script = adoptCommand({ ...place, old: bound }, '--apply');
    const { stdout, exitCode } = await run(bound, `--bind '${place.old}'`, script);
    expect(exitCode).toBe(0);
    const report: Report = JSON.parse(stdout);
    expect(report).toMatchObject({ transfer: { copyCount: 1 }, applied: { copyCount: 1 } });
  });
});

describe.skipIf(lacks('the corpus'))('over the corpus (needs the corpus)', () => {
  it('accounts for each file exactly once', async () => {
    await using place = await newPlace();
    const root = process.env['RPMYARD_CORPUS'] ?? '';
    const { report, exitCode } = await adoptAsJson({ ...place, old: root });
    expect(exitCode).toBe(1);
    const accounted = [
      ...report.packages.flatMap(({ paths }) => paths),
      ...report.refusals.map(({ path }) => path),
      ...new Set(report.conflicts.flatMap(({ claims }) => claims.flatMap(({ paths }) => paths))),
    ];
    const files = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.rpm'));
    expect(accounted.toSorted()).toEqual(files.toSorted());
  });
});

async function namesAt(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch(() => []);
}
