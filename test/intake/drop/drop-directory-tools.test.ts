import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { craftRpm } from '../../support/craft-rpm.ts';
import { eventually } from '../../support/eventually.ts';
import { type RunningService, startService } from '../../support/run-service.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

const SFTP_SERVER =
  ['/usr/lib/openssh/sftp-server', '/usr/libexec/openssh/sftp-server'].find((path) => existsSync(path)) ?? '';
const SETTLE_SECONDS = 0.3;
const NEVER_SECONDS = 3600;
// Slow enough to be interrupted: a package of 3 MB takes six seconds.
const BYTES = 3_000_000;
const RSYNC_SLOWLY = '--bwlimit=500';
const SFTP_SLOWLY = ['-l', '4000'];
/** Another mount than the one of temporary directories. */
const OTHER_MOUNT = '/dev/shm';

/** A tool at work. */
type Run = PromiseLike<{ readonly exitCode?: number | undefined }> & { readonly kill: () => boolean };

let dir: TempDir;
let service: RunningService;
let incoming: string;
let from: string;

beforeEach(async () => {
  dir = await createTempDir();
  incoming = join(dir.path, 'incoming');
  from = join(dir.path, 'from');
  await mkdir(from);
});

afterEach(async () => {
  await service.stop();
  await dir.remove();
});

async function start(settleSeconds: number): Promise<void> {
  service = await startService({
    root: dir.path,
    config: { drop_directory: { path: incoming, settle_seconds: settleSeconds } },
  });
  await eventually(() => lstat(incoming));
}

/** A package that was built some time ago; the path of its file. */
async function build(name: string, folder = from): Promise<string> {
  const path = join(folder, `${name}.rpm`);
  await writeFile(path, craftRpm({ name, release: '1.el9', payload: randomBytes(BYTES) }));
  await utimes(path, 1_700_000_000, 1_700_000_000);
  return path;
}

const told = (name: string): readonly string[] =>
  service.log.filter((line) => line['file'] === `${name}.rpm`).map(({ msg }) => msg);

async function whenTaken(name: string, bytes: Uint8Array): Promise<void> {
  await eventually(async () => expect(await readdir(incoming)).not.toContain(`${name}.rpm`));
  expect(told(name)).toEqual(['package created']);
  const stored = join(service.storageDir, `9/x86_64/Packages/${name}-1.0-1.el9.x86_64.rpm`);
  expect((await readFile(stored)).equals(bytes)).toBe(true);
}

/** When this returns, whatever was dropped before has been looked at, after it was settled. */
async function whenLookedAt(): Promise<void> {
  const bytes = craftRpm({ name: 'zz-last', release: '1.el9' });
  await writeFile(join(incoming, 'zz-last.rpm'), bytes);
  await eventually(async () => expect(await readdir(incoming)).not.toContain('zz-last.rpm'));
}

const rsync = (...options: readonly string[]): Run =>
  execa('rsync', [...options, join(from, 'p.rpm'), `${incoming}/`], { reject: false });

/** Talks to the server program itself, without a connection. */
const sftp = (commands: readonly string[], options: readonly string[] = []): Run =>
  execa('sftp', [...options, '-D', SFTP_SERVER, '-b', '-'], {
    input: commands.map((command) => `${command}\n`).join(''),
    reject: false,
  });

const scp = (...options: readonly string[]): Run =>
  execa('scp', ['-D', SFTP_SERVER, ...options, join(from, 'p.rpm'), `there:${incoming}/`], { reject: false });

const TOOLS: Record<string, () => Run> = {
  cp: () => execa('cp', [join(from, 'p.rpm'), incoming]),
  'cp -p': () => execa('cp', ['-p', join(from, 'p.rpm'), incoming]),
  install: () => execa('install', ['-m', '0644', join(from, 'p.rpm'), incoming]),
  mv: () => execa('mv', [join(from, 'p.rpm'), incoming]),
  rsync: () => rsync(),
  'rsync -a': () => rsync('-a'),
  'rsync --inplace': () => rsync('--inplace'),
  'rsync --inplace -t': () => rsync('--inplace', '-t'),
  'rsync --partial -a': () => rsync('--partial', '-a'),
  'rsync --delay-updates -a': () => rsync('--delay-updates', '-a'),
  scp: () => scp(),
  'scp -p': () => scp('-p'),
  'sftp put': () => sftp([`put ${from}/p.rpm ${incoming}/p.rpm`]),
  'sftp put -p': () => sftp([`put -p ${from}/p.rpm ${incoming}/p.rpm`]),
  'sftp put and rename': () =>
    sftp([`put ${from}/p.rpm ${incoming}/p.rpm.part`, `rename ${incoming}/p.rpm.part ${incoming}/p.rpm`]),
};

/** Those that set its times, or move it, after the last write. */
const AT_ONCE = [
  'cp -p',
  'mv',
  'rsync -a',
  'rsync --inplace -t',
  'rsync --partial -a',
  'rsync --delay-updates -a',
  'scp -p',
  'sftp put -p',
];

describe('a package that comes by', () => {
  it.each(Object.keys(TOOLS))('%s is taken in whole', async (tool) => {
    await start(AT_ONCE.includes(tool) ? NEVER_SECONDS : SETTLE_SECONDS);
    const bytes = await readFile(await build('p'));
    expect(await TOOLS[tool]?.()).toMatchObject({ exitCode: 0 });
    await whenTaken('p', bytes);
    expect((await readdir(incoming)).filter((name) => !name.startsWith('.'))).toEqual([]);
  });

  it('mv from another mount is taken in whole and at once', async () => {
    const other = await mkdtemp(join(OTHER_MOUNT, 'rpmyard-'));
    try {
      expect((await lstat(other)).dev).not.toBe((await lstat(from)).dev);
      await start(NEVER_SECONDS);
      const path = await build('p', other);
      const bytes = await readFile(path);
      await execa('mv', [path, incoming]);
      await whenTaken('p', bytes);
    } finally {
      await rm(other, { recursive: true });
    }
  });
});

describe('a package whose transfer breaks off', () => {
  it.each<[string, () => Run, () => Run]>([
    ['rsync --partial', () => rsync('--partial', RSYNC_SLOWLY), () => rsync('--partial')],
    ['rsync --inplace', () => rsync('--inplace', RSYNC_SLOWLY), () => rsync('--inplace')],
    [
      'rsync --inplace -a',
      () => rsync('--inplace', '-a', RSYNC_SLOWLY),
      () => rsync('--inplace', '-a', '--append-verify'),
    ],
    [
      'sftp put',
      () => sftp([`put ${from}/p.rpm ${incoming}/p.rpm`], SFTP_SLOWLY),
      () => sftp([`reput ${from}/p.rpm ${incoming}/p.rpm`]),
    ],
  ])('from %s waits for the rest', async (_, begin, goOn) => {
    await start(SETTLE_SECONDS);
    const bytes = await readFile(await build('p'));
    const transfer = begin();
    await eventually(async () => {
      const [name = ''] = await readdir(incoming);
      expect((await lstat(join(incoming, name))).size).toBeGreaterThan(100_000);
    });
    transfer.kill();
    expect(await transfer).not.toMatchObject({ exitCode: 0 });
    const cut = await eventually(() => lstat(join(incoming, 'p.rpm')));
    expect(cut.size).toBeLessThan(BYTES);
    await whenLookedAt();
    expect(told('p')).toEqual([]);
    expect(await goOn()).toMatchObject({ exitCode: 0 });
    await whenTaken('p', bytes);
  });
});
