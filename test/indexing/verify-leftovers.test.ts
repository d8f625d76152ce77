import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMarks } from '../../src/storage/marks.ts';
import { verifyLeftovers } from '../../src/indexing/verify-leftovers.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const UUID = '0b0e5f5c-3f3f-4b57-9d3e-2f1f6f0b7a11';

let root: TempDir;

beforeEach(async () => {
  root = await createTempDir();
});
afterEach(() => root.remove());

async function put(path: string, age: { readonly minutes: number }): Promise<void> {
  const absolute = join(root.path, path);
  await mkdir(dirname(absolute), { recursive: true });
  await writeFile(absolute, 'left');
  const time = new Date(NOW_MS - age.minutes * MINUTE_MS);
  await utimes(absolute, time, time);
}

const facts = () => ({
  folders: {
    topDir: join(root.path, 'storage'),
    spoolDir: join(root.path, 'spool'),
    incomingDir: join(root.path, 'state/incoming'),
    scratchRoot: join(root.path, 'state/scratch'),
  },
  marksDir: join(root.path, 'state/marks'),
  nowMs: NOW_MS,
});

const running = () => verifyLeftovers({ ...facts(), isServiceRunning: true });
const stopped = () => verifyLeftovers({ ...facts(), isServiceRunning: false });

describe('verifyLeftovers', () => {
  it('finds nothing where there is nothing', async () => {
    expect(await running()).toEqual([]);
    expect(await stopped()).toEqual([]);
  });

  it.each([
    'spool/0000000007',
    `spool/${UUID}.part`,
    `spool/.probe-${UUID}`,
    `storage/.probe-${UUID}`,
    `state/incoming/${UUID}`,
    `state/scratch/${UUID}`,
  ])('finds %s when it is older than an hour', async (path) => {
    await put(path, { minutes: 61 });
    const expected = [{ code: 'LEFTOVER', severity: 'note', subject: join(root.path, path) }];
    expect(await running()).toMatchObject(expected);
    expect(await stopped()).toMatchObject(expected);
  });

  it('finds younger files in incoming and scratch only when no service uses them', async () => {
    await put(`state/incoming/${UUID}`, { minutes: 1 });
    await put(`state/scratch/${UUID}`, { minutes: 1 });
    await put('spool/0000000007', { minutes: 59 });
    expect(await running()).toEqual([]);
    const found = (await stopped()).map(({ subject }) => basename(dirname(subject)));
    expect(found).toEqual(['incoming', 'scratch']);
  });

  it('leaves files of others in the spool alone', async () => {
    await put('spool/README', { minutes: 600 });
    await put('spool/123', { minutes: 600 });
    expect(await stopped()).toEqual([]);
  });

  it('tells of a mark whether a service will take it up', async () => {
    await put('state/marks/9@x86_64', { minutes: 0 });
    expect(await running()).toMatchObject([
      { code: 'MARK_WAITING', severity: 'note', repository: '9/x86_64' },
    ]);
    expect(await stopped()).toMatchObject([
      { code: 'MARK_WITHOUT_RUN', severity: 'note', repository: '9/x86_64' },
    ]);
  });
});

describe('readMarks', () => {
  it('gives the marked repositories by name', async () => {
    await put('state/marks/9@x86_64', { minutes: 0 });
    await put('state/marks/10@aarch64', { minutes: 0 });
    expect(await readMarks(facts().marksDir)).toEqual(['10/aarch64', '9/x86_64']);
  });
});
