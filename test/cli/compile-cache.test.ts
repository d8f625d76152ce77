import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BIN } from '../support/run-rpmyard.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

let directory: TempDir;
beforeAll(async () => {
  directory = await createTempDir();
});
afterAll(() => directory[Symbol.asyncDispose]());

describe('The code that a start compiles', () => {
  it('is kept in the directory that systemd gives the service', async () => {
    await sayVersion(directory.path);
    const names = await readdir(directory.path, { recursive: true });
    expect(names.length).toBeGreaterThan(1);
  });

  it('is compiled anew by each start where it cannot be kept', async () => {
    expect(await sayVersion(join(BIN, 'cache'))).toMatchObject({ exitCode: 0, stderr: '' });
  });
});

function sayVersion(
  cacheDirectory: string,
): Promise<{ readonly exitCode?: number; readonly stderr: string }> {
  return execa(process.execPath, [BIN, '--version'], {
    reject: false,
    stdin: 'ignore',
    env: { CACHE_DIRECTORY: cacheDirectory, NODE_COMPILE_CACHE: undefined },
    timeout: 30_000,
  });
}
