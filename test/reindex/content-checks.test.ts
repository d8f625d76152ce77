import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createContentChecks } from '../../src/reindex/content-checks.ts';
import { createForeignMetadata } from '../../src/reindex/foreign-metadata.ts';
import { eventually } from '../support/eventually.ts';
import { GOOD_COMPS } from '../support/metadata-documents.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const MIB = 1024 * 1024;
const LONG_MS = 60_000;

let dir: TempDir;
let good: string;
let slow: string;
beforeEach(async () => {
  dir = await createTempDir();
  good = await put('good', GOOD_COMPS);
  // Some seconds of work.
  slow = await put('slow', gzipSync(`<updates>${'<a/>'.repeat(8 * MIB)}</updates>`, { level: 1 }));
});
afterEach(() => dir.remove());

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, content);
  return path;
}

/** The checking processes that this one started and that have not ended. */
async function children(): Promise<readonly number[]> {
  const text = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8');
  const found = await Promise.all(
    text
      .split(' ')
      .filter(Boolean)
      .map(async (pid) => {
        const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
        return command.includes('content-process') ? [Number(pid)] : [];
      }),
  );
  return found.flat();
}

const started = (): Promise<void> => eventually(async () => expect(await children()).toHaveLength(1));

describe('checks of metadata', () => {
  test('take turns: only one process is there at a time', async () => {
    const checks = createContentChecks();
    const all = Array.from({ length: 5 }, () => checks.check({ type: 'group', path: good }));
    let most = 0;
    const over = Promise.all(all).then(() => true);
    while (
      !(await Promise.race([over, children().then((found) => void (most = Math.max(most, found.length)))]))
    );
    expect(new Set((await Promise.all(all)).map(({ openSha256 }) => openSha256)).size).toBe(1);
    expect(most).toBe(1);
  });

  test('that run out of memory refuse the file and end nothing else, whatever takes it', async () => {
    const checks = createContentChecks({ timeMs: LONG_MS, heapMib: 12 });
    const document = `---\ndocument: modulemd\nversion: 2\ndata: {xmd: [${'{a: b},'.repeat(60_000)}]}\n`;
    const path = await put('modules', document);
    await expect(checks.check({ type: 'modules', path })).rejects.toMatchObject({
      code: 'METADATA_INVALID',
      message: expect.stringContaining('memory'),
    });
    await expect(checks.check({ type: 'group', path: good })).resolves.toMatchObject({});
  });

  test('that take too long refuse the file', async () => {
    const checks = createContentChecks({ timeMs: 500, heapMib: 128 });
    await expect(checks.check({ type: 'updateinfo', path: slow })).rejects.toMatchObject({
      code: 'METADATA_INVALID',
      message: expect.stringContaining('longer'),
    });
    expect(await children()).toEqual([]);
  });

  test('are given up in the line at once, and under way with their process', async () => {
    const checks = createContentChecks();
    const first = new AbortController();
    const second = new AbortController();
    const underWay = checks.check({ type: 'updateinfo', path: slow }, first.signal);
    const waiting = checks.check({ type: 'updateinfo', path: slow }, second.signal);
    const next = checks.check({ type: 'group', path: good });
    await started();
    second.abort(new Error('left the line'));
    await expect(waiting).rejects.toThrow('left the line');
    expect(await children()).toHaveLength(1);
    first.abort(new Error('left'));
    await expect(underWay).rejects.toThrow('left');
    await expect(next).resolves.toMatchObject({});
    await expect(checks.check({ type: 'group', path: good }, first.signal)).rejects.toThrow('left');
  });

  test('end when they are closed, and none begins after', async () => {
    const checks = createContentChecks();
    const all = Array.from({ length: 3 }, () => checks.check({ type: 'updateinfo', path: slow }));
    await started();
    const settled = Promise.allSettled(all);
    checks.close();
    const refused = { status: 'rejected', reason: { code: 'SHUTTING_DOWN' } };
    expect(await settled).toMatchObject([refused, refused, refused]);
    await expect(checks.check({ type: 'group', path: good })).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
    expect(await children()).toEqual([]);
  });

  test('do not take the end of the service, told to all of its processes, for a fault of the file', async () => {
    const checks = createContentChecks();
    const packedPath = join(dir.path, 'packed.gz');
    const check = checks.check({ type: 'updateinfo', path: slow, packedPath });
    await eventually(async () => expect(await readdir(dir.path)).toContain('packed.gz'));
    for (const pid of await children()) process.kill(pid, 'SIGTERM');
    await expect(check).resolves.toMatchObject({});
  });

  test('pass on an error of the file system as it is', async () => {
    const checks = createContentChecks();
    const job = { type: 'group', path: join(dir.path, 'none') };
    await expect(checks.check(job)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
  });
});

test('what a check packed goes when it fails, is given up, or is not kept', async () => {
  const foreignMetadata = createForeignMetadata(join(dir.path, 'metadata'), createContentChecks(), Date.now);
  const before = await readdir(dir.path);
  const bad = await put('bad', `<updates>${'<a/>'.repeat(100_000)}`);
  await expect(foreignMetadata.pack('updateinfo', bad)).rejects.toMatchObject({ code: 'METADATA_INVALID' });
  const leaving = new AbortController();
  const packing = foreignMetadata.pack('updateinfo', slow, leaving.signal);
  await eventually(async () => expect(await readdir(dir.path)).toContain('slow.gz'));
  leaving.abort(new Error('left'));
  await expect(packing).rejects.toThrow('left');
  {
    await using packed = await foreignMetadata.pack('group', good);
    expect(packed).toMatchObject({ type: 'group', path: `${good}.gz` });
  }
  expect((await readdir(dir.path)).toSorted()).toEqual([...before, 'bad'].toSorted());
});
