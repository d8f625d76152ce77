import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { craftRpm } from '../../support/craft-rpm.ts';
import { eventually } from '../../support/eventually.ts';
import { shareSite } from '../../support/share-site.ts';
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

/** A service that takes packages out of a directory. */
interface DropSite extends AsyncDisposable {
  readonly service: RunningService;
  readonly incoming: string;
}

const settling = shareSite(() => startDropSite(SETTLE_SECONDS));
const takingAtOnce = shareSite(() => startDropSite(NEVER_SECONDS));
let dir: TempDir;
let from: string;
let service: RunningService;
let incoming: string;
/** Of the package of this test, as no other has one. */
let name: string;
let tests = 0;

beforeEach(async () => {
  dir = await createTempDir();
  from = join(dir.path, 'from');
  await mkdir(from);
  tests += 1;
  name = `p${tests}`;
});

afterEach(() => dir.remove());

async function startDropSite(settleSeconds: number): Promise<DropSite> {
  const root = await createTempDir();
  const path = join(root.path, 'incoming');
  const started = await startService({
    root: root.path,
    config: { drop_directory: { path, settle_seconds: settleSeconds } },
  });
  await eventually(() => lstat(path));
  return {
    service: started,
    incoming: path,
    [Symbol.asyncDispose]: async () => {
      await started.stop();
      await root.remove();
    },
  };
}

function use(site: DropSite): void {
  ({ service, incoming } = site);
}

/** The package, built some time ago; the path of its file. */
async function build(folder = from): Promise<string> {
  const path = join(folder, `${name}.rpm`);
  await writeFile(path, craftRpm({ name, release: '1.el9', payload: randomBytes(BYTES) }));
  await utimes(path, 1_700_000_000, 1_700_000_000);
  return path;
}

const told = (): readonly string[] =>
  service.log.filter((line) => line['file'] === `${name}.rpm`).map(({ msg }) => msg);

async function whenTaken(bytes: Uint8Array): Promise<void> {
  await eventually(async () => expect(await readdir(incoming)).not.toContain(`${name}.rpm`));
  expect(told()).toEqual(['package created']);
  const stored = join(service.storageDir, `9/x86_64/Packages/${name}-1.0-1.el9.x86_64.rpm`);
  expect((await readFile(stored)).equals(bytes)).toBe(true);
}

/** When this returns, whatever was dropped before has been looked at, after it was settled. */
async function whenLookedAt(): Promise<void> {
  const last = `zz-last-${name}`;
  await writeFile(join(incoming, `${last}.rpm`), craftRpm({ name: last, release: '1.el9' }));
  await eventually(async () => expect(await readdir(incoming)).not.toContain(`${last}.rpm`));
}

const rsync = (...options: readonly string[]): Run =>
  execa('rsync', [...options, join(from, `${name}.rpm`), `${incoming}/`], { reject: false });

/** Talks to the server program itself, without a connection. */
const sftp = (commands: readonly string[], options: readonly string[] = []): Run =>
  execa('sftp', [...options, '-D', SFTP_SERVER, '-b', '-'], {
    input: commands.map((command) => `${command}\n`).join(''),
    reject: false,
  });

const scp = (...options: readonly string[]): Run =>
  execa('scp', ['-D', SFTP_SERVER, ...options, join(from, `${name}.rpm`), `there:${incoming}/`], {
    reject: false,
  });

const TOOLS: Record<string, () => Run> = {
  cp: () => execa('cp', [join(from, `${name}.rpm`), incoming]),
  'cp -p': () => execa('cp', ['-p', join(from, `${name}.rpm`), incoming]),
  install: () => execa('install', ['-m', '0644', join(from, `${name}.rpm`), incoming]),
  mv: () => execa('mv', [join(from, `${name}.rpm`), incoming]),
  rsync: () => rsync(),
  'rsync -a': () => rsync('-a'),
  'rsync --inplace': () => rsync('--inplace'),
  'rsync --inplace -t': () => rsync('--inplace', '-t'),
  'rsync --partial -a': () => rsync('--partial', '-a'),
  'rsync --delay-updates -a': () => rsync('--delay-updates', '-a'),
  scp: () => scp(),
  'scp -p': () => scp('-p'),
  'sftp put': () => sftp([`put ${from}/${name}.rpm ${incoming}/${name}.rpm`]),
  'sftp put -p': () => sftp([`put -p ${from}/${name}.rpm ${incoming}/${name}.rpm`]),
  'sftp put and rename': () =>
    sftp([
      `put ${from}/${name}.rpm ${incoming}/${name}.rpm.part`,
      `rename ${incoming}/${name}.rpm.part ${incoming}/${name}.rpm`,
    ]),
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
    use(AT_ONCE.includes(tool) ? takingAtOnce() : settling());
    const bytes = await readFile(await build());
    expect(await TOOLS[tool]?.()).toMatchObject({ exitCode: 0 });
    await whenTaken(bytes);
    expect((await readdir(incoming)).filter((name) => !name.startsWith('.'))).toEqual([]);
  });

  it('mv from another mount is taken in whole and at once', async () => {
    const other = await mkdtemp(join(OTHER_MOUNT, 'rpmyard-'));
    try {
      expect((await lstat(other)).dev).not.toBe((await lstat(from)).dev);
      use(takingAtOnce());
      const path = await build(other);
      const bytes = await readFile(path);
      await execa('mv', [path, incoming]);
      await whenTaken(bytes);
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
      () => sftp([`put ${from}/${name}.rpm ${incoming}/${name}.rpm`], SFTP_SLOWLY),
      () => sftp([`reput ${from}/${name}.rpm ${incoming}/${name}.rpm`]),
    ],
  ])('from %s waits for the rest', async (_, begin, goOn) => {
    use(settling());
    const bytes = await readFile(await build());
    const transfer = begin();
    await eventually(async () => {
      const arriving = (await readdir(incoming)).find((file) => file.includes(name)) ?? '';
      expect((await lstat(join(incoming, arriving))).size).toBeGreaterThan(100_000);
    });
    transfer.kill();
    expect(await transfer).not.toMatchObject({ exitCode: 0 });
    const cut = await eventually(() => lstat(join(incoming, `${name}.rpm`)));
    expect(cut.size).toBeLessThan(BYTES);
    await whenLookedAt();
    expect(told()).toEqual([]);
    expect(await goOn()).toMatchObject({ exitCode: 0 });
    await whenTaken(bytes);
  });
});
