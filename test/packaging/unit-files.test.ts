import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UPLOAD_GRACE_MS } from '../../src/boot/start-service.ts';
import { RUN_GRACE_MS } from '../../src/boot/open-pipeline.ts';
import { KILL_AFTER_MS as CREATEREPO_KILL_MS } from '../../src/indexing/run-createrepo.ts';
import { KILL_AFTER_MS as SIGNING_KILL_MS } from '../../src/trust/run-tool.ts';
import { NOTIFY_LIMIT_MS } from '../../src/base/systemd/notify.ts';
import { END_LIMIT_MS as THREAD_END_MS } from '../../src/base/threads/worker-pool.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const PACKAGING = fileURLToPath(new URL('../../packaging', import.meta.url));
const TARGETS = ['basic', 'multi-user', 'shutdown', 'sockets', 'sysinit'];

let root: TempDir;

/** A machine's files as far as systemd-analyze looks at them. */
beforeEach(async () => {
  root = await createTempDir();
  const units = join(root.path, 'usr/lib/systemd/system');
  await cp(join(PACKAGING, 'systemd'), units, { recursive: true });
  await mkdir(join(root.path, 'usr/bin'));
  await writeFile(join(root.path, 'usr/bin/rpmyard'), '', { mode: 0o755 });
  for (const target of TARGETS) {
    await writeFile(join(units, `${target}.target`), `[Unit]\nDescription=${target}\n`);
  }
});

afterEach(() => root.remove());

const analyze = (...args: readonly string[]) =>
  execa('systemd-analyze', [...args, `--root=${root.path}`, '--no-pager'], { reject: false, all: true });

async function changeService(change: (text: string) => string): Promise<void> {
  const path = join(root.path, 'usr/lib/systemd/system/rpmyard.service');
  const before = await readFile(path, 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  await writeFile(path, after);
}

describe('the units', () => {
  it.each(['rpmyard.service', 'rpmyard.socket'])('%s pleases systemd, without a warning', async (unit) => {
    expect(await analyze('verify', unit)).toMatchObject({ exitCode: 0, all: '' });
  });

  it('would not please it with a misspelt setting', async () => {
    await changeService((text) => text.replace('ProtectSystem=', 'ProtectSytsem='));
    expect((await analyze('verify', 'rpmyard.service')).all).toContain('ProtectSytsem');
  });

  it('leave the service so little that its exposure is at most 1.0', async () => {
    const { exitCode, all } = await analyze(
      'security',
      '--offline=true',
      '--threshold=10',
      'rpmyard.service',
    );
    expect(all).toMatch(/Overall exposure level for rpmyard\.service: (?:0\.\d|1\.0) /);
    expect(exitCode).toBe(0);
  });

  it('let it write packages to one path only, since hard links do not lead from one mount to another', async () => {
    const text = await readFile(join(PACKAGING, 'systemd/rpmyard.service'), 'utf8');
    expect(
      text.match(/^(?:ReadWritePaths|StateDirectory|BindPaths|LogsDirectory|CacheDirectory)=.*$/gm),
    ).toEqual(['ReadWritePaths=/srv/repo', 'CacheDirectory=rpmyard']);
  });

  it('give a stop more time than the service takes at most', async () => {
    const text = await readFile(join(PACKAGING, 'systemd/rpmyard.service'), 'utf8');
    const stopSeconds = Number(/^TimeoutStopSec=(?<seconds>\d+)s$/m.exec(text)?.groups?.['seconds']);
    const uploadsMs = UPLOAD_GRACE_MS;
    const runsMs = RUN_GRACE_MS + Math.max(CREATEREPO_KILL_MS, THREAD_END_MS);
    // A message that hangs, and the last one.
    const messagesMs = 2 * NOTIFY_LIMIT_MS;
    const longestMs = Math.max(uploadsMs, runsMs) + SIGNING_KILL_MS + messagesMs;
    // As much again as an answer, a record and a directory take on a slow disk.
    expect(stopSeconds * 1000).toBeGreaterThanOrEqual(longestMs + 15_000);
  });
});
