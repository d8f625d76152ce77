import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createContentChecks } from '../../src/indexing/content-checks.ts';
import { ForeignMetadata } from '../../src/indexing/foreign-metadata.ts';
import { eventually } from '../support/eventually.ts';
import { GOOD_COMPS } from '../support/metadata-documents.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const MIB = 1024 * 1024;
const LONG_MS = 60_000;
const ALICE = { owner: 'alice' };

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

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const started = (): Promise<void> => eventually(async () => expect(await children()).toHaveLength(1));

describe('checks of metadata', () => {
  test('take turns: only one process is there at a time', async () => {
    const checks = createContentChecks();
    const all = Array.from({ length: 5 }, () => checks.check({ type: 'group', path: good }, ALICE));
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
    await expect(checks.check({ type: 'modules', path }, ALICE)).rejects.toMatchObject({
      code: 'METADATA_INVALID',
      message: expect.stringContaining('memory'),
    });
    await expect(checks.check({ type: 'group', path: good }, ALICE)).resolves.toMatchObject({});
  });

  test('that take too long refuse the file', async () => {
    const checks = createContentChecks({ timeMs: 500, heapMib: 128 });
    await expect(checks.check({ type: 'updateinfo', path: slow }, ALICE)).rejects.toMatchObject({
      code: 'METADATA_INVALID',
      message: expect.stringContaining('longer'),
    });
    expect(await children()).toEqual([]);
  });

  test('let an owner wait for one file of another, however many are in the line', async () => {
    const checks = createContentChecks();
    const ended: string[] = [];
    const all = [...Array.from({ length: 4 }, () => 'alice'), 'bob'].map(async (owner) => {
      await checks.check({ type: 'group', path: good }, { owner });
      ended.push(owner);
    });
    await Promise.all(all);
    expect(ended).toEqual(['alice', 'bob', 'alice', 'alice', 'alice']);
  });

  test.each(['SIGSEGV', 'SIGKILL'])('do not blame the file when their process ends by %s', async (signal) => {
    const checks = createContentChecks();
    const check = checks.check({ type: 'updateinfo', path: slow }, ALICE);
    await started();
    for (const pid of await children()) process.kill(pid, signal);
    await expect(check).rejects.toMatchObject({ code: 'INTERNAL', statusCode: 500 });
    await expect(checks.check({ type: 'group', path: good }, ALICE)).resolves.toMatchObject({});
  });

  test('keep nothing of a file that was checked, nor of its sender', async () => {
    const checks = createContentChecks();
    const checkOne = async (): Promise<readonly WeakRef<object>[]> => {
      const job = { type: 'group', path: good };
      const { signal } = new AbortController();
      await checks.check(job, { owner: 'alice', signal });
      return [new WeakRef(job), new WeakRef(signal)];
    };
    const kept = await checkOne();
    await checkOne();
    await eventually(async () => {
      collectGarbage();
      expect(kept.filter((reference) => reference.deref() !== undefined)).toEqual([]);
    });
    checks.close();
  });

  test('are given up in the line at once, and under way with their process', async () => {
    const checks = createContentChecks();
    const first = new AbortController();
    const second = new AbortController();
    const underWay = checks.check(
      { type: 'updateinfo', path: slow },
      { owner: 'alice', signal: first.signal },
    );
    const waiting = checks.check(
      { type: 'updateinfo', path: slow },
      { owner: 'alice', signal: second.signal },
    );
    const next = checks.check({ type: 'group', path: good }, ALICE);
    await started();
    second.abort(new Error('left the line'));
    await expect(waiting).rejects.toThrow('left the line');
    expect(await children()).toHaveLength(1);
    first.abort(new Error('left'));
    await expect(underWay).rejects.toThrow('left');
    await expect(next).resolves.toMatchObject({});
    await expect(
      checks.check({ type: 'group', path: good }, { owner: 'alice', signal: first.signal }),
    ).rejects.toThrow('left');
  });

  test('end when they are closed, and none begins after', async () => {
    const checks = createContentChecks();
    const all = Array.from({ length: 3 }, () => checks.check({ type: 'updateinfo', path: slow }, ALICE));
    await started();
    const settled = Promise.allSettled(all);
    checks.close();
    const refused = { status: 'rejected', reason: { code: 'SHUTTING_DOWN' } };
    expect(await settled).toMatchObject([refused, refused, refused]);
    await expect(checks.check({ type: 'group', path: good }, ALICE)).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    });
    expect(await children()).toEqual([]);
  });

  test('do not take the end of the service, told to all of its processes, for a fault of the file', async () => {
    const checks = createContentChecks();
    const packedPath = join(dir.path, 'packed.gz');
    const check = checks.check({ type: 'updateinfo', path: slow, packedPath }, ALICE);
    await eventually(async () => expect(await readdir(dir.path)).toContain('packed.gz'));
    for (const pid of await children()) process.kill(pid, 'SIGTERM');
    await expect(check).resolves.toMatchObject({});
  });

  test('pass on an error of the file system as it is', async () => {
    const checks = createContentChecks();
    const job = { type: 'group', path: join(dir.path, 'none') };
    await expect(checks.check(job, ALICE)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open' });
  });
});

test('what a check packed goes when it fails, is given up, or is not kept', async () => {
  const foreignMetadata = new ForeignMetadata(join(dir.path, 'metadata'), createContentChecks(), Date.now);
  const before = await readdir(dir.path);
  const bad = await put('bad', `<updates>${'<a/>'.repeat(100_000)}`);
  await expect(foreignMetadata.pack('updateinfo', bad, ALICE)).rejects.toMatchObject({
    code: 'METADATA_INVALID',
  });
  const leaving = new AbortController();
  const packing = foreignMetadata.pack('updateinfo', slow, { owner: 'alice', signal: leaving.signal });
  await eventually(async () => expect(await readdir(dir.path)).toContain('slow.gz'));
  leaving.abort(new Error('left'));
  await expect(packing).rejects.toThrow('left');
  {
    await using packed = await foreignMetadata.pack('group', good, ALICE);
    expect(packed).toMatchObject({ type: 'group', path: `${good}.gz` });
  }
  expect((await readdir(dir.path)).toSorted()).toEqual([...before, 'bad'].toSorted());
});
