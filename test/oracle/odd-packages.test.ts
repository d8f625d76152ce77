import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuiltIndex } from '../../src/indexing/index-engine.ts';
import { type CraftSpec, craftRpm } from '../support/craft-rpm.ts';
import { createIndexedRepository, type IndexedRepository } from '../support/indexed-repository.ts';
import { dnfInstall } from '../support/run-dnf.ts';
import { zypperAddRepository, zypperInstall, zypperRefresh } from '../support/run-zypper.ts';

const LONG_BYTES = 10_000_000;

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);

/** A package with a file whose name has the byte 0xe9 where the path has a Q. */
function withLatin1(path: string): CraftSpec {
  const files = [{ path, content: 'x' }];
  const inLatin1 = (bytes: Buffer): Buffer =>
    Buffer.from(
      bytes.toString('latin1').replaceAll(path.slice(1), path.slice(1).replace('Q', '\u00e9')),
      'latin1',
    );
  const inName = (bytes: Buffer): Buffer => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return Buffer.from(
      bytes.toString('latin1').replaceAll(`${name}\0`, `${name.replace('Q', '\u00e9')}\0`),
      'latin1',
    );
  };
  const plain = craftRpm({ files });
  const archive = gunzipSync(plain.subarray(plain.lastIndexOf(GZIP_MAGIC)));
  return { files, payload: gzipSync(inLatin1(archive)), patchHeader: inName };
}

const at = (path: string): CraftSpec => ({ files: [{ path, content: 'x' }] });

const PACKAGES: readonly (readonly [string, CraftSpec])[] = [
  ['tab', at('/opt/tab/a\tb')],
  ['newline', at('/opt/newline/a\nb')],
  ['return', at('/opt/return/a\rb')],
  ['directory', at('/opt/directory/a\nb/c')],
  ['latin', withLatin1('/opt/latin/cafQ')],
  ['control', { ...at('/opt/control/a'), summary: 'a\u0001b', description: '\u001b[0m' }],
  [
    'provider',
    {
      ...at('/opt/provider/a'),
      dependencies: {
        provides: [{ name: 'provider' }, { name: Buffer.from('caf\u00e9', 'latin1') }],
        requires: [{ name: Buffer.from('caf\u00e9', 'latin1') }],
      },
    },
  ],
  ['long', { ...at('/opt/long/a'), description: '&'.repeat(LONG_BYTES) }],
  [
    'longer',
    { ...at('/opt/longer/a'), changelogs: [{ author: 'a', timeSeconds: 1, text: 'b'.repeat(LONG_BYTES) }] },
  ],
];

const FILES = [
  'tab/a\tb',
  'newline/a\nb',
  'return/a\rb',
  'directory/a\nb/c',
  'latin/caf\u00e9',
  'control/a',
  'long/a',
];

let repository: IndexedRepository;
let built: BuiltIndex;

beforeAll(async () => {
  repository = await createIndexedRepository();
  for (const [name, spec] of PACKAGES) await repository.put(name, { arch: 'noarch', ...spec });
  built = await repository.run();
});

afterAll(() => repository[Symbol.asyncDispose]());

/** Paths below /opt as they are on disk, read as Latin-1. */
async function installedIn(root: string): Promise<readonly string[]> {
  const opt = Buffer.from(join(root, 'opt'));
  const found: string[] = [];
  const walk = async (directory: Buffer): Promise<void> => {
    for (const entry of await readdir(directory, { encoding: 'buffer', withFileTypes: true })) {
      const path = Buffer.concat([directory, Buffer.from('/'), entry.name]);
      if (entry.isDirectory()) await walk(path);
      else found.push(path.subarray(opt.length + 1).toString('latin1'));
    }
  };
  await walk(opt);
  return found;
}

describe('packages with odd file names, characters that XML cannot hold and texts of 10 MB', () => {
  const names = PACKAGES.map(([name]) => name);

  it('are all in the index', () => {
    expect(built).toMatchObject({ packageCount: names.length, leftOut: [] });
  });

  it('are installed by dnf', async () => {
    const host = { root: join(repository.workDir, 'dnf'), repositoryUrl: `file://${repository.dir}` };
    expect(await dnfInstall(host, ...names)).toMatchObject({ exitCode: 0 });
    expect(await installedIn(host.root)).toEqual(expect.arrayContaining([...FILES]));
  });

  it('are installed by zypper', async () => {
    const host = { root: join(repository.workDir, 'zypper'), repositoryUrl: `file://${repository.dir}` };
    await zypperAddRepository(host);
    expect(await zypperRefresh(host)).toMatchObject({ exitCode: 0 });
    expect(await zypperInstall(host, ...names)).toMatchObject({ exitCode: 0 });
    expect(await installedIn(host.root)).toEqual(expect.arrayContaining([...FILES]));
  });
});
