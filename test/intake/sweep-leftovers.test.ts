import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sweepAtStart, sweepScratch, sweepSpool } from '../../src/intake/sweep-leftovers.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

/** Of nobody and nogroup on every distribution; root may remove everything. */
const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const SWEEP = fileURLToPath(new URL('../../src/intake/sweep-leftovers.ts', import.meta.url));
const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2025, 0, 31);
const UUID = '6e0a1f7e-5d1c-4b73-9c0a-1f2e3d4c5b6a';

let dir: TempDir;
let folders: { spoolDir: string; incomingDir: string };

beforeEach(async () => {
  dir = await createTempDir();
  folders = { spoolDir: join(dir.path, 'spool'), incomingDir: join(dir.path, 'incoming') };
  await mkdir(folders.spoolDir);
  await mkdir(folders.incomingDir);
});

afterEach(() => dir.remove());

async function put(folder: string, name: string, ageMs = 0): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, 'x');
  const time = new Date(NOW_MS - ageMs);
  await utimes(path, time, time);
}

describe('sweepAtStart', () => {
  it('removes what is in incoming and half-streamed bodies, of any age', async () => {
    await put(folders.incomingDir, UUID);
    await put(folders.incomingDir, 'anything');
    await put(folders.spoolDir, `${UUID}.part`);
    expect(await sweepAtStart(folders)).toBe(3);
    expect(await readdir(folders.incomingDir)).toEqual([]);
    expect(await readdir(folders.spoolDir)).toEqual([]);
  });

  it('leaves bodies that nginx may be writing, and files of others', async () => {
    for (const name of ['0000000001', 'notes.part', `${UUID}.part.bak`, 'README']) {
      await put(folders.spoolDir, name);
    }
    expect(await sweepAtStart(folders)).toBe(0);
    expect(await readdir(folders.spoolDir)).toHaveLength(4);
  });
});

describe('sweepScratch', () => {
  it('removes what index runs left, directories with all they hold', async () => {
    const scratch = join(dir.path, 'scratch');
    await mkdir(join(scratch, UUID, 'repodata'), { recursive: true });
    await put(join(scratch, UUID, 'repodata'), 'repomd.xml');
    await put(scratch, 'pkglist');
    expect(await sweepScratch(scratch)).toBe(2);
    expect(await readdir(scratch)).toEqual([]);
    expect(await sweepScratch(scratch)).toBe(0);
  });
});

describe('a sweep that fails', () => {
  it.each([
    ['sweepScratch', 'beside a larger one', 'a', 'b'],
    ['sweepScratch', 'beside a larger one that comes first', 'b', 'a'],
    ['sweepScratch', 'within a larger one', 'x/a', 'x/b'],
    ['sweepAtStart', 'beside a larger one', 'a', 'b'],
  ] as const)('%s leaves no removal running: %s', async (sweep, _, closed, large) => {
    await chmod(dir.path, 0o755);
    await mkdir(join(folders.incomingDir, large), { recursive: true });
    await mkdir(join(folders.incomingDir, closed));
    for (let index = 0; index < 500; index += 1) {
      await writeFile(join(folders.incomingDir, large, String(index)), '');
    }
    await writeFile(join(folders.incomingDir, closed, 'file'), '');
    for (const name of ['.', ...(await readdir(folders.incomingDir, { recursive: true }))]) {
      await chmod(join(folders.incomingDir, name), 0o777);
    }
    await chmod(join(folders.incomingDir, closed), 0o555);
    // Everything that a removal in flight still does comes after the synchronous look, before the process ends.
    const script = `
      import { readdirSync } from 'node:fs';
      import * as sweeps from ${JSON.stringify(SWEEP)};
      const folders = ${JSON.stringify(folders)};
      const list = () => readdirSync(folders.incomingDir, { recursive: true }).length;
      let atRejection;
      process.on('exit', () => console.log(JSON.stringify({ atRejection, atExit: list() })));
      const argument = ${sweep === 'sweepScratch' ? 'folders.incomingDir' : 'folders'};
      await sweeps.${sweep}(argument).catch((error) => { atRejection = [error.code, list()]; });
    `;
    const [command, ...args] = [
      ...(userInfo().uid === 0 ? AS_NOBODY : []),
      process.execPath,
      '--input-type=module',
      '--eval',
      script,
    ];
    const { atRejection, atExit } = JSON.parse((await execa(command, args)).stdout);
    expect(atRejection).toEqual(['EACCES', atExit]);
    expect(await readdir(folders.incomingDir)).toContain(closed.split('/')[0]);
  });
});

describe('sweepSpool', () => {
  it('removes bodies that no program has written to for a day', async () => {
    await put(folders.spoolDir, '0000000001', 24 * HOUR_MS);
    await put(folders.spoolDir, '0000000002', 23.9 * HOUR_MS);
    await put(folders.spoolDir, `${UUID}.part`, 30 * HOUR_MS);
    await put(folders.spoolDir, `a${UUID.slice(1)}.part`, HOUR_MS);
    expect(await sweepSpool(folders.spoolDir, NOW_MS)).toBe(2);
    expect((await readdir(folders.spoolDir)).toSorted()).toEqual(['0000000002', `a${UUID.slice(1)}.part`]);
  });

  it.each(['README', '00000000001', '000000000', 'x.part', '.0000000001', 'lost+found'])(
    'never touches %s, which is none of ours',
    async (name) => {
      await put(folders.spoolDir, name, 1000 * HOUR_MS);
      expect(await sweepSpool(folders.spoolDir, NOW_MS)).toBe(0);
      expect(await readdir(folders.spoolDir)).toEqual([name]);
    },
  );

  it('keeps a body when the clock was set back', async () => {
    await put(folders.spoolDir, '0000000001', -48 * HOUR_MS);
    expect(await sweepSpool(folders.spoolDir, NOW_MS)).toBe(0);
  });

  it('fails when the spool is not there', async () => {
    await expect(sweepSpool(join(dir.path, 'none'), NOW_MS)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
