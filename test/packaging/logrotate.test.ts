import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { openAuditLog } from '../../src/trust/audit-log.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const SHIPPED = new URL('../../packaging/logrotate.d/rpmyard', import.meta.url);
const ROTATIONS = 4;
const LIMIT_MS = 60_000;
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

interface Rotated {
  readonly auditLog: string;
  readonly folder: string;
  /** Runs the real logrotate as its timer does each day. */
  readonly rotate: (...args: readonly string[]) => Promise<unknown>;
}

/** The shipped file with other paths and the user of the tests. */
async function prepare(dir: TempDir): Promise<Rotated> {
  const folder = join(dir.path, 'state');
  await mkdir(folder, { mode: 0o700 });
  const auditLog = join(folder, 'audit.log');
  const [user, group] = await Promise.all(
    ['-un', '-gn'].map(async (option) => (await execa('id', [option])).stdout),
  );
  const shipped = await readFile(SHIPPED, 'utf8');
  const config = shipped
    .replace('/srv/repo/state/audit.log', auditLog)
    .replace('su nginx nginx', `su ${user} ${group}`);
  expect(config).not.toContain('nginx nginx');
  const path = join(dir.path, 'rpmyard');
  await writeFile(path, config);
  await chmod(path, 0o644);
  const rotate = (...args: readonly string[]) =>
    execa('logrotate', ['-s', join(dir.path, 'status'), ...args, path], { env: { PATH }, timeout: LIMIT_MS });
  return { auditLog, folder, rotate };
}

describe('logrotate, with the file that ships', () => {
  it('loses no line of the audit log, whenever it comes, and needs nothing of the service', async () => {
    await using dir = await createTempDir();
    const { auditLog, folder, rotate } = await prepare(dir);
    const failed: unknown[] = [];
    const log = openAuditLog(auditLog, (error) => failed.push(error));
    let count = 0;
    for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
      const ended = new AbortController();
      // An empty one would stay.
      log.write({ count: (count += 1) });
      const rotated = rotate('--force').finally(() => ended.abort());
      // Lines before, during and after each rename and compression.
      while (!ended.signal.aborted) {
        for (let line = 0; line < 20; line += 1) log.write({ count: (count += 1) });
        await nextTurn();
      }
      await rotated;
    }
    log.write({ count: (count += 1) });
    await log.close();

    expect(failed).toEqual([]);
    const names = await readdir(folder);
    expect(names.filter((name) => /^audit\.log\.\d+(?:\.gz)?$/.test(name))).toHaveLength(ROTATIONS);
    const counts = (await Promise.all(names.map((name) => countsIn(join(folder, name))))).flat();
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  });

  it('keeps what is not a week old and not large, and looks at the size more than once a day', async () => {
    await using dir = await createTempDir();
    const { auditLog, folder, rotate } = await prepare(dir);
    await writeFile(auditLog, '{"small":1}\n');
    // It has to see a file once before it knows how old it is.
    await rotate();
    await rotate();
    expect(await readdir(folder)).toEqual(['audit.log']);
    for (const name of ['audit.log.1', 'audit.log.2.gz']) {
      await writeFile(auditLog, Buffer.alloc(101 * 1024 * 1024));
      await rotate();
      expect(await readdir(folder)).toContain(name);
    }
  });

  it('has nothing to say where there is no audit log yet', async () => {
    await using dir = await createTempDir();
    const { rotate } = await prepare(dir);
    expect(await rotate()).toMatchObject({ stdout: '', stderr: '' });
  });
});

async function countsIn(path: string): Promise<readonly number[]> {
  const bytes = await readFile(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().trimEnd();
  return text.split('\n').map((line) => JSON.parse(line).count);
}
