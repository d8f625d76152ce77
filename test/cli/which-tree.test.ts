import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { BIN, runRpmyard } from '../support/run-rpmyard.ts';
import { putPackage } from '../support/send-request.ts';
import { createTempDir } from '../support/temp-dir.ts';

const LIMIT_MS = 120_000;

/** Runs a command in a directory, as a person would who gives it no configuration file. */
async function runIn(cwd: string, ...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [BIN, ...args], {
    cwd,
    reject: false,
    stdin: 'ignore',
    timeout: LIMIT_MS,
    stripFinalNewline: false,
    env: { RPMYARD_CONFIG: '' },
  });
  return { exitCode, stdout, stderr };
}

describe.concurrent('a command without a configuration file', () => {
  test.each([
    ['verify', 'no directory at all', []],
    ['reindex', 'no directory at all', []],
    ['verify', 'what an empty trial left', ['var/storage', 'var/state', 'var/spool']],
    ['reindex', 'what an empty trial left', ['var/storage', 'var/state', 'var/spool']],
    ['remove', 'what an empty trial left', ['var/storage', 'var/state', 'var/spool']],
  ])('%s does not take %s for a tree, and names the file that is there', async (command, _, folders) => {
    await using dir = await createTempDir();
    for (const folder of folders) await mkdir(join(dir.path, folder), { recursive: true });
    const args = command === 'remove' ? [command, 'hello-1.0-1.noarch'] : [command];
    const without = await runIn(dir.path, ...args);
    expect(without).toMatchObject({ exitCode: 3, stdout: '' });
    expect(without.stderr).toMatch(/^rpmyard \w+: TREE_MISSING: [^\n]*\/var\/storage/);
    expect(without.stderr).toContain('RPMYARD_CONFIG');
    await writeFile(join(dir.path, 'config.yml'), '{}');
    expect((await runIn(dir.path, ...args)).stderr).toMatch(/-c \S+config\.yml \(it is there\)/);
  });
});

test('a configured tree without a repository yet is none that is missing', async () => {
  await using dir = await createTempDir();
  const config = join(dir.path, 'config.yml');
  await writeFile(config, JSON.stringify({ repo: { top_dir: 'storage' } }));
  expect(await runRpmyard('verify', '-c', config)).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining(config),
  });
  await mkdir(join(dir.path, 'storage'));
  for (const command of ['verify', 'reindex']) {
    expect(await runRpmyard(command, '-c', config)).toEqual({
      exitCode: 0,
      stdout: `tree: ${dir.path}/storage (${config})\nthere is no repository yet\n`,
      stderr: '',
    });
  }
});

test('serve takes its port and the place of its data from the command line, and other commands find both', async () => {
  await using dir = await createTempDir();
  const port = await findFreePort();
  const data = join(dir.path, 'data');
  const service = execa(process.execPath, [BIN, 'serve', '--data', data, '--port', String(port)], {
    cwd: dir.path,
    reject: false,
    timeout: LIMIT_MS,
    env: { RPMYARD_CONFIG: join(dir.path, 'none.yml') },
  });
  try {
    const baseUrl = `http://127.0.0.1:${port}`;
    await eventually(async () => expect((await fetch(`${baseUrl}/healthz`)).status).toBe(200));
    const { status, text } = await putPackage(baseUrl, craftRpm({ name: 'hello' }), 'wait=50&releasever=9');
    expect(status).toBe(201);
    expect(text).toContain(`${baseUrl}/repo/9/`);
    const verified = await runIn(dir.path, 'verify', '--data', 'data');
    expect(verified).toMatchObject({ exitCode: 0, stderr: '' });
    expect(verified.stdout).toContain(`tree: ${data}/storage (no configuration file, built-in defaults)\n`);
    expect(await runIn(dir.path, 'reindex', '--data', 'data', '9/*')).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
  } finally {
    service.kill('SIGTERM');
  }
  const { exitCode, stdout } = await service;
  expect(exitCode).toBe(0);
  expect(stdout.split('\n')[0]).toContain(`packages in ${data}/storage, state in ${data}/state`);
});

describe('what excludes each other on the command line', () => {
  test.each([
    [['serve', '--port', '70000']],
    [['serve', '--port', 'http']],
    [['serve', '--data', 'x', '-c', 'y.yml']],
    [['verify', '--data', 'x', '-c', 'y.yml']],
  ])('%j is wrong usage', async (args) => {
    expect(await runRpmyard(...args)).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('PARAMETER_INVALID'),
    });
  });

  test('--port with a socket is wrong usage', async () => {
    await using dir = await createTempDir();
    const config = join(dir.path, 'config.yml');
    await writeFile(
      config,
      JSON.stringify({ server: { address: join(dir.path, 'x.sock') }, repo: { top_dir: 'storage' } }),
    );
    expect(await runRpmyard('serve', '--port', '5001', '-c', config)).toMatchObject({ exitCode: 2 });
  });
});
