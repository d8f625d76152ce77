import { chmod, cp, mkdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const LOCK = 'packaging/node/package-lock.json';
const LOCKED_NAME = `node_modules/node-${process.platform}-${process.arch}`;

let dir: TempDir;
let lockedVersion: string;

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly integrity?: string }>>;
}

async function readLock(): Promise<LockFile['packages']> {
  const lock: LockFile = JSON.parse(await readFile(join(CHECKOUT, LOCK), 'utf8'));
  return lock.packages;
}

beforeEach(async () => {
  dir = await createTempDir();
  await mkdir(join(dir.path, 'scripts'));
  await mkdir(join(dir.path, 'node_modules'));
  await mkdir(join(dir.path, 'machine'));
  for (const file of ['scripts/setup.mjs', 'packaging/node', 'package.json', 'package-lock.json'])
    await cp(join(CHECKOUT, file), join(dir.path, file), { recursive: true });
  lockedVersion = (await readLock())[LOCKED_NAME]?.version ?? '';
  await putProgram('machine/node', 'echo v20.20.2');
  await installsNode(lockedVersion);
});

afterEach(() => dir.remove());

async function putProgram(path: string, body: string): Promise<void> {
  await writeFile(join(dir.path, path), `#!/bin/sh\n${body}\n`);
  await chmod(join(dir.path, path), 0o755);
}

/** Puts an npm there that tells how it was called, and makes a Node of a version where it is to install one. */
async function installsNode(version: string): Promise<void> {
  const binary = `"$folder/${LOCKED_NAME}/bin/node"`;
  const lines = [
    `echo "$*" >>${dir.path}/npm-calls`,
    'for folder; do :; done',
    'case "$*" in *--prefix*) ;; *) exit 0 ;; esac',
    // Only what is locked is installed.
    'test -s "$folder/package.json" && test -s "$folder/package-lock.json" || exit 9',
    `mkdir -p "$folder/${LOCKED_NAME}/bin"`,
    `printf '#!/bin/sh\\necho v${version}\\n' >${binary} && chmod +x ${binary}`,
  ];
  await putProgram('machine/npm', lines.join('\n'));
}

async function setUp() {
  const { exitCode, stderr } = await execa(
    process.execPath,
    [join(dir.path, 'scripts/setup.mjs'), '--node-only'],
    { reject: false, stdin: 'ignore', env: { PATH: `${dir.path}/machine:/usr/bin:/bin` } },
  );
  return { exitCode, stderr };
}

async function npmCalls(): Promise<readonly string[]> {
  const calls = await readFile(join(dir.path, 'npm-calls'), 'utf8').catch(() => '');
  return calls.split('\n').filter((line) => line !== '');
}

const ownNode = (): string => join(dir.path, 'node_modules/.bin/node');

async function ownVersion(): Promise<string> {
  return (await execa(ownNode(), ['--version'])).stdout;
}

describe('on a machine whose Node is too old, setup', () => {
  it('installs the Node that is locked, of the version and with the digest in the lock file', async () => {
    expect(await setUp()).toMatchObject({ exitCode: 0 });
    const [, call] = await npmCalls();
    // No package is named: what is installed stands in the lock file beside it.
    expect(call).toBe(
      `install --no-save --ignore-scripts --include=optional --loglevel=error --prefix ${dir.path}/node_modules/.rpmyard-node`,
    );
    expect(await ownVersion()).toBe(`v${lockedVersion}`);
    const nodes = Object.entries(await readLock()).filter(([path]) => path !== '');
    expect(nodes.length).toBeGreaterThan(0);
    for (const [, { integrity }] of nodes) expect(integrity).toMatch(/^sha512-/);
  });

  it('needs npm no more when all is there, also when an install of packages removed the link', async () => {
    await setUp();
    const before = await npmCalls();
    expect(await setUp()).toEqual({ exitCode: 0, stderr: '' });
    await rm(ownNode());
    expect(await setUp()).toEqual({ exitCode: 0, stderr: '' });
    expect(await ownVersion()).toBe(`v${lockedVersion}`);
    expect(await npmCalls()).toEqual(before);
  });

  it('replaces a Node of the same version that came another way', async () => {
    await putProgram('machine/another', `echo v${lockedVersion}`);
    await mkdir(join(dir.path, 'node_modules/.bin'));
    await symlink(join(dir.path, 'machine/another'), ownNode());
    expect(await setUp()).toMatchObject({ exitCode: 0 });
    expect(await realpath(ownNode())).toContain('/.rpmyard-node/');
  });

  it('installs again when another version is locked', async () => {
    await setUp();
    const path = join(dir.path, LOCK);
    const lock = await readFile(path, 'utf8');
    await writeFile(path, lock.replaceAll(`"${lockedVersion}"`, '"24.99.1"'));
    await installsNode('24.99.1');
    expect(await setUp()).toMatchObject({ exitCode: 0 });
    expect(await ownVersion()).toBe('v24.99.1');
  });

  it.each(['24.99.0', '20.20.2'])('fails when npm brought %s instead of what is locked', async (version) => {
    await installsNode(version);
    const { exitCode, stderr } = await setUp();
    expect(exitCode).toBe(1);
    expect(stderr).toContain(lockedVersion);
    await expect(ownVersion()).rejects.toThrow(/ENOENT/);
  });

  it('fails when npm left out what has another digest', async () => {
    await putProgram('machine/npm', 'exit 0');
    expect(await setUp()).toMatchObject({ exitCode: 1 });
  });
});

describe('on a machine whose Node is new enough, setup', () => {
  it('installs no other one', async () => {
    await putProgram('machine/node', 'echo v24.0.0');
    expect(await setUp()).toMatchObject({ exitCode: 0 });
    expect(await npmCalls()).toEqual(['install --no-save --loglevel=error']);
  });
});
