import { execFile } from 'node:child_process';
import { chown, mkdir, readdir, readFile, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeOverSpoolFile } from '../../src/intake/take-over-spool-file.ts';
import { lacks } from '../support/lacks.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const NAME = '0000000042';

let dir: TempDir;
let folders: { spoolDir: string; incomingDir: string };
let spooled: string;

beforeEach(async () => {
  dir = await createTempDir();
  folders = { spoolDir: join(dir.path, 'spool'), incomingDir: join(dir.path, 'incoming') };
  await mkdir(folders.spoolDir);
  await mkdir(folders.incomingDir);
  spooled = join(folders.spoolDir, NAME);
});

afterEach(() => dir.remove());

async function expectRefused(spoolPath: string, code = 'SPOOL_PATH_REFUSED'): Promise<void> {
  await expect(takeOverSpoolFile(spoolPath, folders)).rejects.toMatchObject({ code, statusCode: 400 });
  expect(await readdir(folders.incomingDir)).toEqual([]);
}

describe('a body that nginx spooled', () => {
  it('gets a second name of ours, the same file', async () => {
    await writeFile(spooled, 'package', { mode: 0o600 });
    const taken = await takeOverSpoolFile(spooled, folders);
    expect(taken.sizeBytes).toBe(7);
    expect(await readdir(folders.incomingDir)).toHaveLength(1);
    expect((await stat(taken.path)).ino).toBe((await stat(spooled)).ino);
  });

  it('outlives the name that nginx gave it', async () => {
    await writeFile(spooled, 'package');
    const { path } = await takeOverSpoolFile(spooled, folders);
    await unlink(spooled);
    await writeFile(spooled, 'the next body under this name');
    expect(await readFile(path, 'utf8')).toBe('package');
  });

  it('gets another name of ours each time', async () => {
    await writeFile(spooled, 'package');
    const taken = await Promise.all([1, 2, 3].map(() => takeOverSpoolFile(spooled, folders)));
    expect(new Set(taken.map(({ path }) => path)).size).toBe(3);
  });

  it('is refused when it is empty', async () => {
    await writeFile(spooled, '');
    await expectRefused(spooled, 'EMPTY_BODY');
    expect(await readdir(folders.spoolDir)).toEqual([NAME]);
  });

  it('is refused when it is not there', async () => {
    await expectRefused(spooled);
  });

  it.skipIf(lacks('root'))('is refused when it belongs to another user (needs root)', async () => {
    await writeFile(spooled, 'secret');
    await chown(spooled, 65_534, 65_534);
    await expectRefused(spooled);
    expect(await readFile(spooled, 'utf8')).toBe('secret');
  });
});

describe('what is no such body', () => {
  it('is refused: a symbolic link, whatever it leads to', async () => {
    const secret = join(dir.path, 'secret');
    await writeFile(secret, 'secret');
    await symlink(secret, spooled);
    await expectRefused(spooled);
    await unlink(spooled);
    await symlink('/nonexistent', spooled);
    await expectRefused(spooled);
  });

  it('is refused: a named pipe, without waiting for a writer', async () => {
    await promisify(execFile)('mkfifo', [spooled]);
    await expectRefused(spooled);
  });

  it('is refused: a directory', async () => {
    await mkdir(spooled);
    await expectRefused(spooled);
  });

  it('is refused: a socket', async () => {
    const server = createServer().listen(spooled);
    await once(server, 'listening');
    try {
      await expectRefused(spooled);
    } finally {
      server.close();
    }
  });
});

describe('a spool path', () => {
  it.each([
    '',
    '/etc/passwd',
    NAME,
    `./${NAME}`,
    `<spool>`,
    `<spool>/`,
    `<spool>/..`,
    `<spool>/../secret`,
    `<spool>/../spool/${NAME}`,
    `<spool>/./${NAME}`,
    `<spool>//${NAME}`,
    `/<spool>/${NAME}`,
    `<spool>/${NAME}/`,
    `<spool>/${NAME}\n`,
    `<spool>/${NAME}\0`,
    `<spool>/${NAME} `,
    ` <spool>/${NAME}`,
    `<spool>/000000042`,
    `<spool>/00000000042`,
    `<spool>/0/00000042`,
    `<spool>/42/${NAME}`,
    `<spool>/a000000042`,
    `<spool>/٠٠٠٠٠٠٠٠٤٢`,
    `<spool>x${NAME}`,
    `<spool>-other/${NAME}`,
    `<SPOOL>/${NAME}`,
    `<spool>/${NAME}, <spool>/${NAME}`,
    `file://<spool>/${NAME}`,
    `<spool>%2f${NAME}`,
    `${'/'.repeat(100_000)}${NAME}`,
  ])('is not %j', async (pattern) => {
    await writeFile(spooled, 'package');
    const path = pattern
      .replaceAll('<spool>', folders.spoolDir)
      .replaceAll('<SPOOL>', folders.spoolDir.toUpperCase());
    await expectRefused(path);
  });
});

describe('a fault of ours', () => {
  it('is no refusal: incoming is gone', async () => {
    await writeFile(spooled, 'package');
    await expect(
      takeOverSpoolFile(spooled, { ...folders, incomingDir: join(dir.path, 'none') }),
    ).rejects.not.toMatchObject({ code: 'SPOOL_PATH_REFUSED' });
  });
});
