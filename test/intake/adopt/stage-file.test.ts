import { lstatSync } from 'node:fs';
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stageFile } from '../../../src/intake/adopt/stage-file.ts';
import { identifySource } from '../../../src/intake/adopt/survey-packages.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

const STAGE_FILE = fileURLToPath(new URL('../../../src/intake/adopt/stage-file.ts', import.meta.url));

let dir: TempDir;
let incomingDir: string;
let source: { readonly path: string; readonly identity: string };

beforeEach(async () => {
  dir = await createTempDir();
  incomingDir = join(dir.path, 'incoming');
  await mkdir(incomingDir);
  const path = join(dir.path, 'x.rpm');
  await writeFile(path, 'package', { mode: 0o600 });
  source = { path, identity: identifySource(lstatSync(path, { bigint: true })) };
});

afterEach(() => dir.remove());

const stage = (isLinkWanted = true) => stageFile(source, { incomingDir, isLinkWanted });

describe('a surveyed file', () => {
  it('gets a second name and the mode of a package', async () => {
    const { path, isLinked } = await stage();
    expect(isLinked).toBe(true);
    const { ino, mode } = await stat(path);
    expect({ ino, mode: mode & 0o777 }).toEqual({ ino: (await stat(source.path)).ino, mode: 0o644 });
  });

  it('is copied where no link is wanted, and stays as it is', async () => {
    const { path, isLinked } = await stage(false);
    expect(isLinked).toBe(false);
    expect(await readFile(path, 'utf8')).toBe('package');
    expect(await stat(source.path)).toMatchObject({ nlink: 1, mode: 0o100600 });
  });

  it.each([true, false])('that was replaced since is left alone (link wanted: %s)', async (isLinkWanted) => {
    await copyFile(source.path, `${source.path}.new`);
    await rename(`${source.path}.new`, source.path);
    await expect(stage(isLinkWanted)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(await readdir(incomingDir)).toEqual([]);
  });

  it.each([true, false])('that is gone is named as such (link wanted: %s)', async (isLinkWanted) => {
    await rename(source.path, `${source.path}.old`);
    await expect(stage(isLinkWanted)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    expect(await readdir(incomingDir)).toEqual([]);
  });

  it('that cannot be copied leaves no name', async () => {
    await writeFile(source.path, Buffer.alloc(100_000));
    const identity = identifySource(lstatSync(source.path, { bigint: true }));
    const script = `
      import { stageFile } from ${JSON.stringify(STAGE_FILE)};
      const to = { incomingDir: ${JSON.stringify(incomingDir)}, isLinkWanted: false };
      process.on('SIGXFSZ', () => {});
      await stageFile(${JSON.stringify({ path: source.path, identity })}, to).catch(({ code }) => console.log(code));
    `;
    // A block of dash is 512 bytes.
    const run = ['-c', 'ulimit -f 8; exec "$0" --input-type=module --eval "$1"', process.execPath, script];
    expect(await execa('sh', run)).toMatchObject({ stdout: 'EFBIG' });
    expect(await readdir(incomingDir)).toEqual([]);
  });

  it('that was written to since is left alone', async () => {
    await utimes(source.path, 1, 1);
    await expect(stage()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });

  it.each([true, false])(
    'whose name leads elsewhere now is left alone (link wanted: %s)',
    async (isLinkWanted) => {
      await rename(source.path, `${source.path}.old`);
      await symlink(`${source.path}.old`, source.path);
      await expect(stage(isLinkWanted)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
      expect(await readdir(incomingDir)).toEqual([]);
    },
  );
});
