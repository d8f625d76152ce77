import { chmod, copyFile, mkdir, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BIN } from '../support/run-rpmyard.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

// Tells the started script that it runs on a Node that is too old.
const PRETEND_OLD = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.19.0'}})`;

let dir: TempDir;
let bin: string;

beforeEach(async () => {
  dir = await createTempDir();
  const root = await realpath(dir.path);
  await mkdir(join(root, 'bin'));
  bin = join(root, 'bin/rpmyard');
  await copyFile(BIN, bin);
  await writeFile(join(root, 'package.json'), '{"type":"module"}');
});

afterEach(() => dir.remove());

async function runOld(args: readonly string[], env: Record<string, string> = {}) {
  return execa(process.execPath, ['--import', PRETEND_OLD, bin, ...args], {
    reject: false,
    stdin: 'ignore',
    env,
  });
}

/** Puts a Node of the project's own beside the script: a shell script that says how it was called. */
async function installOwnNode(body: string): Promise<void> {
  const folder = join(dir.path, 'node_modules/.bin');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'node'), `#!/bin/sh\n${body}\n`);
  await chmod(join(folder, 'node'), 0o755);
}

describe('started by a Node that is too old, rpmyard', () => {
  it('says in one line what is missing', async () => {
    const { exitCode, stdout, stderr } = await runOld(['--help']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr.split('\n')).toHaveLength(1);
    expect(stderr).toContain('npm run setup');
  });

  it('starts itself again with the Node that setup installed, and ends as that one does', async () => {
    await installOwnNode('echo "$RPMYARD_RESTARTED $@"; exit 7');
    const { exitCode, stdout } = await runOld(['inspect', 'a b.rpm']);
    expect(exitCode).toBe(7);
    expect(stdout).toBe(`1 --max-semi-space-size=2 ${bin} inspect a b.rpm`);
  });

  it('does not start itself again and again when that one is too old as well', async () => {
    await installOwnNode('echo started');
    const { exitCode, stdout, stderr } = await runOld(['--help'], { RPMYARD_RESTARTED: '1' });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toContain('npm run setup');
  });

  it('fails when a signal ended that one', async () => {
    await installOwnNode('kill -KILL $$');
    expect((await runOld(['--help'])).exitCode).toBe(1);
  });
});

describe('started in a checkout without its packages, rpmyard', () => {
  it('says in one line what is missing', async () => {
    await mkdir(join(dir.path, 'src/cli'), { recursive: true });
    await writeFile(join(dir.path, 'src/cli/run-command-line.ts'), '');
    const { exitCode, stderr } = await execa(process.execPath, [bin], { reject: false, stdin: 'ignore' });
    expect(exitCode).toBe(1);
    expect(stderr.split('\n')).toHaveLength(1);
    expect(stderr).toContain('npm run setup');
  });
});
