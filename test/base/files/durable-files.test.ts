import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  createSharedDirectorySync,
  makeDirectoryDurable,
  syncDirectory,
  syncFile,
  writeDurable,
} from '../../../src/base/files/durable-files.ts';
import { syncedPaths } from '../../support/synced-paths.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { withUmask } from '../../support/with-umask.ts';

/** A sync under control: each call waits until it is told how it ends. */
function controlledSync() {
  const calls: { path: string; end: (error?: Error) => void }[] = [];
  const sync = (path: string): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    calls.push({ path, end: (error) => (error === undefined ? resolve() : reject(error)) });
    return promise;
  };
  return { calls, sync };
}

/** Lets every promise that can settle do so. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How each promise ended so far. */
function outcomesOf(promises: readonly Promise<void>[]): (string | undefined)[] {
  const outcomes: (string | undefined)[] = promises.map(() => undefined);
  for (const [index, promise] of promises.entries()) {
    promise.then(
      () => (outcomes[index] = 'synced'),
      (error: Error) => (outcomes[index] = error.message),
    );
  }
  return outcomes;
}

describe('a shared directory sync', () => {
  it('lets all who ask during one fsync share the next one', async () => {
    const { calls, sync } = controlledSync();
    const shared = createSharedDirectorySync(sync);
    const outcomes = outcomesOf(['a', 'b', 'c', 'd', 'e'].map(() => shared('/packages')));
    expect(calls).toHaveLength(1);
    calls[0]?.end();
    await turn();
    expect(outcomes).toEqual(['synced', undefined, undefined, undefined, undefined]);
    expect(calls).toHaveLength(2);
    calls[1]?.end();
    await turn();
    expect(outcomes).toEqual(Array(5).fill('synced'));
    expect(calls).toHaveLength(2);
  });

  it('never answers with an fsync that began before the question', async () => {
    const { calls, sync } = controlledSync();
    const shared = createSharedDirectorySync(sync);
    const first = shared('/packages');
    const late = outcomesOf([shared('/packages')]);
    calls[0]?.end();
    await first;
    // Asked in the very turns in which the first one ends.
    const later = outcomesOf([shared('/packages')]);
    await turn();
    expect([...late, ...later]).toEqual([undefined, undefined]);
    for (const { end } of calls) end();
    await turn();
    for (const { end } of calls) end();
    await turn();
    expect([...late, ...later]).toEqual(['synced', 'synced']);
  });

  it('tells of a failed fsync exactly those who waited for it', async () => {
    const { calls, sync } = controlledSync();
    const shared = createSharedDirectorySync(sync);
    const outcomes = outcomesOf([shared('/packages')]);
    const waiting = outcomesOf([shared('/packages'), shared('/packages')]);
    calls[0]?.end(new Error('EIO'));
    await turn();
    expect(outcomes).toEqual(['EIO']);
    expect(waiting).toEqual([undefined, undefined]);
    const last = outcomesOf([shared('/packages')]);
    calls[1]?.end(new Error('ENOSPC'));
    await turn();
    expect(waiting).toEqual(['ENOSPC', 'ENOSPC']);
    expect(last).toEqual([undefined]);
    calls[2]?.end();
    await turn();
    expect(last).toEqual(['synced']);
  });

  it('keeps directories apart', async () => {
    const { calls, sync } = controlledSync();
    const shared = createSharedDirectorySync(sync);
    const outcomes = outcomesOf([shared('/a'), shared('/b')]);
    expect(calls.map(({ path }) => path)).toEqual(['/a', '/b']);
    calls[1]?.end();
    await turn();
    expect(outcomes).toEqual([undefined, 'synced']);
    calls[0]?.end();
  });

  it('costs a thousand callers a handful of fsyncs', async () => {
    let running = 0;
    let count = 0;
    const shared = createSharedDirectorySync(async () => {
      running += 1;
      expect(running).toBe(1);
      count += 1;
      await turn();
      running -= 1;
    });
    await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        if (index % 100 === 0) await turn();
        await shared('/packages');
      }),
    );
    expect(count).toBeLessThanOrEqual(4);
  });
});

describe('makeDirectoryDurable', () => {
  it('creates every parent and syncs the directory of each new name', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'storage/9/x86_64/Packages');
    const synced = await syncedPaths('base/files/durable-files.ts', 'makeDirectoryDurable', path);
    expect((await stat(path)).isDirectory()).toBe(true);
    expect(synced).toEqual([
      join(dir.path, 'storage/9/x86_64'),
      join(dir.path, 'storage/9'),
      join(dir.path, 'storage'),
      dir.path,
    ]);
  });

  it('syncs nothing for a directory that is there', async () => {
    await using dir = await createTempDir();
    expect(await syncedPaths('base/files/durable-files.ts', 'makeDirectoryDurable', dir.path)).toEqual([]);
  });

  it('syncs only what is new', async () => {
    await using dir = await createTempDir();
    await mkdir(join(dir.path, 'storage/9'), { recursive: true });
    const path = join(dir.path, 'storage/9/SRPMS');
    expect(await syncedPaths('base/files/durable-files.ts', 'makeDirectoryDurable', path)).toEqual([
      join(dir.path, 'storage/9'),
    ]);
  });

  it('fails where a file is in the way', async () => {
    await using dir = await createTempDir();
    await writeFile(join(dir.path, 'file'), '');
    await expect(makeDirectoryDurable(join(dir.path, 'file/sub'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

describe('writeDurable', () => {
  it('makes a file that every user may read, whatever the umask and the file before it were', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'file');
    await withUmask(0o077, () => writeDurable(path, 'longer than the next'));
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    await chmod(path, 0o600);
    await writeDurable(path, 'next');
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    expect(await readFile(path, 'utf8')).toBe('next');
  });

  it('syncs the file', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'file');
    expect(await syncedPaths('base/files/durable-files.ts', 'writeDurable', path, 'text')).toEqual([path]);
  });
});

describe('a link that lies where a file is to be written', () => {
  it('is not followed', async () => {
    await using dir = await createTempDir();
    const other = join(dir.path, 'other');
    await writeFile(other, 'kept');
    await symlink(other, join(dir.path, 'file'));
    await expect(writeDurable(join(dir.path, 'file'), 'text')).rejects.toMatchObject({ code: 'ELOOP' });
    expect(await readFile(other, 'utf8')).toBe('kept');
  });
});

describe('replaceDurable', () => {
  it('syncs the file before it has its name, and its name afterwards', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'file');
    await writeFile(path, 'former');
    const { ino } = await stat(path);
    expect(await syncedPaths('base/files/durable-files.ts', 'replaceDurable', path, 'text')).toEqual([
      join(dir.path, '.file.new'),
      dir.path,
    ]);
    expect(await readFile(path, 'utf8')).toBe('text');
    expect((await stat(path)).ino).not.toBe(ino);
    expect(await readdir(dir.path)).toEqual(['file']);
  });

  it('makes a directory that is missing', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, '9/x86_64.repo');
    expect(await syncedPaths('base/files/durable-files.ts', 'replaceDurable', path, 'text')).toEqual([
      dir.path,
      join(dir.path, '9/.x86_64.repo.new'),
      join(dir.path, '9'),
    ]);
  });
});

describe('syncFile', () => {
  it('reaches the disk for files and directories', async () => {
    await using dir = await createTempDir();
    const file = join(dir.path, 'file');
    await writeFile(file, 'x');
    expect(await syncedPaths('base/files/durable-files.ts', 'syncFile', file)).toEqual([file]);
    await syncDirectory(dir.path);
  });

  it('fails for what is not there', async () => {
    await expect(syncFile('/nonexistent')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
