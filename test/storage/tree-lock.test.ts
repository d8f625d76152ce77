import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStateLayout } from '../../src/storage/state-layout.ts';
import { type LockFiles, lockTree } from '../../src/storage/tree-lock.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let dir: TempDir;
let files: LockFiles;

beforeEach(async () => {
  dir = await createTempDir();
  files = createStateLayout(dir.path);
});

afterEach(() => dir.remove());

const locked = (message = '') =>
  expect.objectContaining({
    code: 'TREE_LOCKED',
    message: expect.stringContaining(message),
    hint: expect.any(String),
  });

describe('the lock of a tree', () => {
  it('refuses a second owner and names the first', () => {
    const lock = lockTree(files);
    expect(() => lockTree(files)).toThrow(locked(`"pid":${process.pid}`));
    expect(() => lockTree(files)).toThrow(locked(hostname()));
    lock.release();
  });

  it('says who owns it, and since when', async () => {
    const lock = lockTree(files);
    const owner = JSON.parse(await readFile(join(dir.path, 'owner.json'), 'utf8'));
    expect(owner).toEqual({
      pid: process.pid,
      host: hostname(),
      since: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    lock.release();
  });

  it('is free again after its release', () => {
    lockTree(files).release();
    expect(() => lockTree(files).release()).not.toThrow();
  });

  it('does without the name of its owner', async () => {
    const lock = lockTree(files);
    await rm(join(dir.path, 'owner.json'));
    expect(() => lockTree(files)).toThrow(locked());
    lock.release();
  });

  it('is another one for another state directory', async () => {
    await using other = await createTempDir();
    const lock = lockTree(files);
    expect(() => lockTree(createStateLayout(other.path)).release()).not.toThrow();
    lock.release();
  });

  it('is released by any death of its owner', async () => {
    const module = new URL('../../src/storage/tree-lock.ts', import.meta.url).href;
    const code = `(await import('${module}')).lockTree(${JSON.stringify(files)}); console.log('locked'); setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    expect(() => lockTree(files)).toThrow(locked(`"pid":${owner.pid}`));
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    lockTree(files).release();
  });
});
