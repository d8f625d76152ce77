import { createHash } from 'node:crypto';
import {
  appendFile,
  chmod,
  chown,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CraftSpec, craftRpm, formatSix } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { type RunningService, type ServiceOptions, startService } from '../support/run-service.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const SETTLE_SECONDS = 0.3;
const NOBODY = 65534;

let dir: TempDir;
let service: RunningService;
let incoming: string;

beforeEach(async () => {
  dir = await createTempDir();
  incoming = join(dir.path, 'incoming');
});

afterEach(async () => {
  await service.stop();
  await dir.remove();
});

async function start(
  dropped: Record<string, unknown> = {},
  options: Partial<ServiceOptions> = {},
): Promise<void> {
  service = await startService({
    root: dir.path,
    config: { drop_directory: { path: incoming, settle_seconds: SETTLE_SECONDS, ...dropped } },
    ...options,
  });
  await eventually(() => lstat(incoming));
}

/** A package of its own with a payload that is no archive: it is stored, not installed. */
function craft(name: string, spec: CraftSpec = {}): Buffer {
  return craftRpm({ name, release: '1.el9', arch: 'x86_64', ...spec });
}

const stored = (name: string): Promise<Buffer> =>
  readFile(join(service.storageDir, `9/x86_64/Packages/${name}-1.0-1.el9.x86_64.rpm`));

async function isGone(name: string): Promise<boolean> {
  return !(await readdir(incoming)).includes(name);
}

/** As mv and rsync do it: the last that happened to the file was no write. */
async function moveIn(name: string, bytes: Uint8Array): Promise<void> {
  let path = join(dir.path, 'moving');
  await writeFile(path, bytes);
  for (let isAged = false; !isAged; ) {
    const moved = path.endsWith('_') ? path.slice(0, -1) : `${path}_`;
    // Until the clock of the file system has gone on since the file was written.
    await rename(path, moved);
    path = moved;
    const { mtimeNs, ctimeNs } = await lstat(path, { bigint: true });
    isAged = mtimeNs !== ctimeNs;
  }
  await rename(path, join(incoming, name));
}

async function whenRefused(name: string): Promise<string> {
  return eventually(async () => {
    // The text is there before the file is, but not at once as a whole.
    await lstat(join(incoming, 'rejected', name));
    return readFile(join(incoming, 'rejected', `${name}.txt`), 'utf8');
  });
}

async function auditLines(): Promise<readonly Record<string, unknown>[]> {
  const text = await readFile(join(service.stateDir, 'audit.log'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** What the service has told of a file. */
const told = (file: string): readonly string[] =>
  service.log.filter((line) => line['file'] === file).map(({ msg }) => msg);

async function whenTaken(name: string): Promise<void> {
  await eventually(async () => expect(await isGone(name)).toBe(true));
  expect(told(name)).toEqual([expect.stringMatching(/^package (?:created|unchanged)$/)]);
}

/** When this returns, whatever was dropped before has been looked at, after it was settled. */
async function whenLookedAt(): Promise<void> {
  await writeFile(join(incoming, 'zz-last.rpm'), craft('zz-last'));
  await eventually(async () => expect(await isGone('zz-last.rpm')).toBe(true));
}

describe('a package in the drop directory', () => {
  it('is taken in as soon as it is moved there, and noted', async () => {
    await start({ settle_seconds: 3600 });
    const bytes = craft('moved');
    await moveIn('any-name.rpm', bytes);
    await whenTaken('any-name.rpm');
    expect((await stored('moved')).equals(bytes)).toBe(true);
    expect(await readdir(service.incomingDir)).toEqual([]);
    expect(await readdir(service.spoolDir)).toEqual([]);
    const facts = { outcome: 'created', file: 'any-name.rpm', ownerUid: process.getuid?.() };
    expect(await auditLines()).toMatchObject([
      { who: 'drop directory', ...facts, repositories: ['9/x86_64'] },
    ]);
    const metrics = await (await fetch(`${service.baseUrl}/metrics`)).text();
    expect(metrics).toContain('rpmyard_uploads_total{outcome="created"} 1');
  });

  it('is taken in when it is copied there, and again without a word against it', async () => {
    await start();
    for (const outcome of ['created', 'unchanged']) {
      await writeFile(join(incoming, `${outcome}.rpm`), craft('copied'));
      await whenTaken(`${outcome}.rpm`);
      expect(told(`${outcome}.rpm`)).toEqual([`package ${outcome}`]);
    }
    expect(await readdir(incoming)).toEqual([]);
  });

  it('that is cut off counts as still arriving until the rest is there', async () => {
    await start();
    const bytes = craft('slow', { payload: Buffer.alloc(300_000, 'x') });
    const path = join(incoming, 'slow.rpm');
    for (const [from, to] of [
      [0, 10],
      [10, 1_000],
      [1_000, 200_000],
    ]) {
      await appendFile(path, bytes.subarray(from, to));
      await whenLookedAt();
    }
    expect(told('slow.rpm')).toEqual([]);
    await appendFile(path, bytes.subarray(200_000));
    await whenTaken('slow.rpm');
    expect((await stored('slow')).equals(bytes)).toBe(true);
  });

  it('that stays cut off or empty is refused when the time is up', async () => {
    await start({ give_up_seconds: 0.6 });
    await writeFile(join(incoming, 'cut.rpm'), craft('cut').subarray(0, -1));
    const six = craft('six', { payload: Buffer.alloc(5000), ...formatSix(5000) });
    await writeFile(join(incoming, 'six.rpm'), six.subarray(0, -1));
    await writeFile(join(incoming, 'empty.rpm'), '');
    expect(await whenRefused('cut.rpm')).toContain('Code: RPM_TRUNCATED\n');
    expect(await whenRefused('six.rpm')).toContain('Code: RPM_TRUNCATED\n');
    expect(await whenRefused('empty.rpm')).toContain('Code: EMPTY_BODY\n');
    expect((await readdir(incoming)).toSorted()).toEqual(['rejected']);
  });

  it('that is refused lies in rejected, with the reason', async () => {
    await start();
    await moveIn('first.rpm', craft('twice'));
    await whenTaken('first.rpm');
    const other = craft('twice', { summary: 'Other bytes' });
    await moveIn('second.rpm', other);
    const text = await whenRefused('second.rpm');
    expect(text).toMatch(/^Refused: \d{4}-/);
    expect(text).toContain('File: second.rpm\nCode: PACKAGE_CONFLICT\nReason: ');
    expect(text).toContain(`SHA-256: ${createHash('sha256').update(other).digest('hex')}\n`);
    expect((await readFile(join(incoming, 'rejected/second.rpm'))).equals(other)).toBe(true);
    expect((await auditLines()).at(-1)).toMatchObject({ outcome: 'PACKAGE_CONFLICT', file: 'second.rpm' });

    await moveIn('second.rpm', Buffer.alloc(5000, 'no package'));
    await eventually(async () =>
      expect(await readFile(join(incoming, 'rejected/second.rpm.txt'), 'utf8')).toContain('RPM_MALFORMED'),
    );
    expect((await readdir(join(incoming, 'rejected'))).toSorted()).toEqual(['second.rpm', 'second.rpm.txt']);
  });

  it('goes only to repositories that dropped packages may go to', async () => {
    await start({ upload: ['8/*'] });
    await moveIn('nine.rpm', craft('nine'));
    const text = await whenRefused('nine.rpm');
    expect(text).toContain('Code: RIGHT_MISSING\n');
    expect(text).toContain('drop_directory.upload');
  });

  it('is taken in once with 200 others and a service that dies meanwhile', async () => {
    await start();
    const names = Array.from({ length: 200 }, (_, index) => `many${index}`);
    for (const name of names) await moveIn(`${name}.rpm`, craft(name));
    await service.whenLogged(({ msg }) => msg === 'package created');
    await service.kill();
    const left = await readdir(incoming);
    expect(left.length).toBeGreaterThan(0);
    await start();
    await eventually(async () => expect(await readdir(incoming)).toEqual([]));
    expect((await readdir(join(service.storageDir, '9/x86_64/Packages'))).length).toBe(200);
    expect(service.log.filter(({ msg }) => msg.startsWith('package ')).length).toBe(left.length);
  });
});

describe('in the drop directory', () => {
  it('names that are not yet or never packages are left alone', async () => {
    await start();
    const names = ['.x.rpm.AbC123', 'README', 'x.rpm.filepart', 'y.RPM', '.hidden.rpm'];
    for (const name of names) await writeFile(join(incoming, name), craft('x'));
    await mkdir(join(incoming, 'rejected/deep.rpm'), { recursive: true });
    await whenLookedAt();
    expect((await readdir(incoming)).toSorted()).toEqual([...names, 'rejected'].toSorted());
    expect(await readdir(join(incoming, 'rejected'))).toEqual(['deep.rpm']);
  });

  it('links, pipes and directories are refused without being followed or waited for', async () => {
    await start();
    const outside = join(dir.path, 'outside.rpm');
    await writeFile(outside, craft('outside'));
    await symlink(outside, join(incoming, 'link.rpm'));
    await symlink('/dev/zero', join(incoming, 'device.rpm'));
    await execa('mkfifo', [join(incoming, 'pipe.rpm')]);
    await mkdir(join(incoming, 'folder.rpm'));
    await copyFile(outside, join(incoming, 'folder.rpm/inner.rpm'));
    for (const name of ['link.rpm', 'device.rpm', 'pipe.rpm', 'folder.rpm']) {
      expect(await whenRefused(name)).toContain('Code: DROPPED_FILE_REFUSED\n');
    }
    expect((await lstat(join(incoming, 'rejected/link.rpm'))).isSymbolicLink()).toBe(true);
    expect(await readdir(join(incoming, 'rejected/folder.rpm'))).toEqual(['inner.rpm']);
    expect(await readdir(service.storageDir)).not.toContain('9');

    await moveIn('folder.rpm', Buffer.alloc(5000, 'no package'));
    await eventually(async () =>
      expect((await lstat(join(incoming, 'rejected/folder.rpm'))).isFile()).toBe(true),
    );
  });

  it('a rejected that leads elsewhere gets nothing', async () => {
    await mkdir(incoming);
    await mkdir(join(dir.path, 'storage/9/x86_64/Packages'), { recursive: true });
    await symlink(join(dir.path, 'storage/9/x86_64/Packages'), join(incoming, 'rejected'));
    await start();
    const files = ['a.rpm', 'b.rpm'];
    for (const name of files) await moveIn(name, Buffer.alloc(5000, 'no package'));
    for (const file of files) await service.whenLogged((line) => line.level === 50 && line['file'] === file);
    await whenLookedAt();
    expect(await readdir(join(service.storageDir, '9/x86_64/Packages'))).toEqual([
      'zz-last-1.0-1.el9.x86_64.rpm',
    ]);
    expect((await readdir(incoming)).toSorted()).toEqual([...files, 'rejected']);
    const ready = await fetch(`${service.baseUrl}/readyz`);
    expect(ready.status).toBe(200);
    // A user who may drop files can do that: it is in the log and the metrics, and the service is as ready as before.
    expect(await ready.json()).toEqual({ status: 'ready', faults: [] });
    const metrics = await fetch(`${service.baseUrl}/metrics`);
    expect(await metrics.text()).toMatch(/^rpmyard_dropped_files_stuck 2$/m);
  });

  it('a name that forges lines or is as long as names can be has a reason of one line', async () => {
    await start();
    const names = [`x\nCode: NONE\u202e.rpm`, `${'é'.repeat(125)}x.rpm`];
    const [forged = '', long = ''] = names;
    for (const name of names) await moveIn(name, Buffer.alloc(5000, 'no package'));
    expect(await whenRefused(forged)).toMatch(
      /^Refused: .*\nFile: x\\u000aCode: NONE\\u202e\.rpm\nCode: RPM_/,
    );
    await eventually(async () => expect(await readdir(join(incoming, 'rejected'))).toContain(long));
    expect(await readdir(join(incoming, 'rejected'))).toContain(`${'é'.repeat(120)}.txt`);
  });

  it.skipIf(lacks('root'))(
    'what cannot be removed is taken once, and what cannot be read is refused (needs root)',
    async () => {
      await chmod(dir.path, 0o755);
      for (const name of ['storage', 'spool', 'state', 'incoming']) {
        await mkdir(join(dir.path, name));
        await chown(join(dir.path, name), NOBODY, NOBODY);
      }
      await chown(incoming, 0, 0);
      await chmod(incoming, 0o1777);
      const wrapper = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
      await start({ give_up_seconds: 0.6 }, { wrapper });
      await writeFile(join(incoming, 'roots.rpm'), craft('roots'));
      await writeFile(join(incoming, 'secret.rpm'), craft('secret'), { mode: 0o600 });
      for (const file of ['roots.rpm', 'secret.rpm']) {
        await service.whenLogged((line) => line.level === 50 && line['file'] === file);
      }
      for (const name of ['after1', 'after2']) {
        await writeFile(join(incoming, `${name}.rpm`), craft(name));
        await chown(join(incoming, `${name}.rpm`), NOBODY, NOBODY);
        await whenTaken(`${name}.rpm`);
      }
      expect(told('roots.rpm')).toEqual(['package created', 'dropped file stays where it is']);
      expect(told('secret.rpm')).toEqual(['dropped file refused', 'dropped file stays where it is']);
      // Of that directory, which is another user's and sticky, no file could be removed: that is no fault of the file.
      const ready = await fetch(`${service.baseUrl}/readyz`);
      expect(await ready.json()).toMatchObject({ status: 'degraded', faults: [{ affects: 'drops' }] });
    },
  );

  it.skipIf(lacks('root'))(
    'what may be read only when it is whole waits for that, as rsync --inplace does it (needs root)',
    async () => {
      await chmod(dir.path, 0o755);
      for (const name of ['storage', 'spool', 'state', 'incoming']) {
        await mkdir(join(dir.path, name));
        await chown(join(dir.path, name), NOBODY, NOBODY);
      }
      const wrapper = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
      await start({}, { wrapper });
      await writeFile(join(incoming, 'later.rpm'), craft('later'), { mode: 0o600 });
      await whenLookedAt();
      expect(told('later.rpm')).toEqual([]);
      await chmod(join(incoming, 'later.rpm'), 0o644);
      await whenTaken('later.rpm');
    },
  );
});
