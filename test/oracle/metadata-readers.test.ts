import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import {
  BAD_COMPS,
  BAD_MODULES,
  BAD_UPDATEINFO,
  GOOD_COMPS,
  GOOD_MODULES,
  GOOD_UPDATEINFO,
} from '../support/metadata-documents.ts';
import { modifyRepo, runCreaterepo } from '../support/run-createrepo.ts';
import { type DnfResult, runDnf } from '../support/run-dnf.ts';
import { zypperAddRepository, zypperRefresh, zypperSearch } from '../support/run-zypper.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

// What these tables hold is taken or refused in test/indexing/metadata/check-foreign-content.test.ts; here the readers say why.

let dir: TempDir;
let count = 0;

beforeAll(async () => {
  dir = await createTempDir();
  await mkdir(join(dir.path, 'base'));
  await writeFile(join(dir.path, 'base', 'alpha.rpm'), craftRpm({ name: 'alpha' }));
  await runCreaterepo(join(dir.path, 'base'));
});
afterAll(() => dir.remove());

/** A repository with one package and this metadata. */
async function publish(type: string, text: string): Promise<{ readonly url: string; readonly root: string }> {
  count += 1;
  const repository = join(dir.path, `${count}`);
  await cp(join(dir.path, 'base'), repository, { recursive: true });
  const path = join(dir.path, `${count}-${type}.xml`);
  await writeFile(path, text);
  await modifyRepo(repository, type, path);
  return { url: `file://${repository}`, root: join(dir.path, `${count}-root`) };
}

async function dnf(type: string, text: string, ...args: readonly string[]): Promise<DnfResult> {
  const { url, root } = await publish(type, text);
  return runDnf({ root, repositoryUrl: url }, args);
}

/** What the service refuses does harm: dnf ends by a signal or a fault of its own, or tells of a fault on each run. */
const hasFault = ({ exitCode, stderr }: DnfResult): boolean =>
  exitCode !== 0 || /Module yaml error|Traceback|CRITICAL/.test(stderr);

// Only some of them are worth a process of dnf with each run of the tests.
const ABORTING = [
  'an unknown kind',
  'an empty document',
  'a version out of range',
  'a directive of YAML 1.3',
  'an alias to itself',
  'a tab before a text',
  'half of a surrogate pair',
  'a surrogate pair in two escapes',
  'a key of a document twice',
  'a key of 1,025 characters',
  'a quote in the first column',
  'a second document without a line before',
  'a mapping in the line that begins it',
  'an end before its beginning',
  'a key of more than 1,024 characters',
  'a quoted key of more than 1,024 characters',
  'a key in flow style of more than 1,024 characters',
  'a key far before its colon',
  'a key of two lines',
  'a quoted key of two lines',
  'a key in the line before its colon',
  'a key behind a sequence',
  'a colon before a text in flow style',
  'a colon that ends a text in flow style',
  'a colon and a question mark in flow style',
  'a tab where a text begins',
];

describe('dnf', () => {
  test.each([...GOOD_MODULES])('reads modules with %s', async (_, text) => {
    const result = await dnf('modules', text, 'repoquery');
    expect(result.stdout).toContain('alpha');
    expect(hasFault(result)).toBe(false);
  });

  test.each(ABORTING)('ends with a core dump at modules with %s', async (name) => {
    const result = await dnf('modules', BAD_MODULES.get(name) ?? '', 'repoquery');
    expect(result.exitCode).not.toBe(0);
  });

  test.each(['data of another kind', 'no name', 'an artifact without an epoch'])(
    'tells of a fault of modules with %s',
    async (name) => {
      expect(hasFault(await dnf('modules', BAD_MODULES.get(name) ?? '', 'repoquery'))).toBe(true);
    },
  );

  test('reads groups of every kind', async () => {
    const result = await dnf('group', GOOD_COMPS, 'group', 'list', '--hidden');
    expect(result.stdout).toContain('Tools');
    expect(result.exitCode).toBe(0);
  });

  test.each([...BAD_COMPS])('ends with a fault at groups with %s', async (_, text) => {
    expect((await dnf('group', text, 'group', 'list', '--hidden')).exitCode).not.toBe(0);
  });
});

describe('zypper', () => {
  async function findsPackage(type: string, text: string): Promise<boolean> {
    const { url, root } = await publish(type, text);
    const host = { root, repositoryUrl: url };
    await zypperAddRepository(host);
    await zypperRefresh(host);
    return (await zypperSearch(host, 'alpha')).exitCode === 0;
  }

  test('reads updateinfo', async () => {
    expect(await findsPackage('updateinfo', GOOD_UPDATEINFO)).toBe(true);
  });

  test.each([...BAD_UPDATEINFO])('leaves a repository out whose updateinfo has %s', async (_, text) => {
    expect(await findsPackage('updateinfo', text)).toBe(false);
  });

  test.each(['deltainfo', 'susedata'])('leaves a repository out whose %s is no XML', async (type) => {
    expect(await findsPackage(type, 'a: b\n')).toBe(false);
  });
});
