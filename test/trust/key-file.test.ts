import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readKeyFile } from '../../src/trust/key-file.ts';
import { codeOf } from '../support/app-error.ts';
import { createTempDir } from '../support/temp-dir.ts';

describe('a key file', () => {
  it('is read without the line break at its end', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'key');
    await writeFile(path, `${'k'.repeat(64)}\n`, { mode: 0o600 });
    expect(readKeyFile(path).toString()).toBe('k'.repeat(64));
  });

  it.each([
    [0o644, 64],
    [0o640, 64],
    [0o604, 64],
    [0o600, 31],
    [0o600, 0],
    [0o600, 5000],
  ])('of mode %o with %i bytes is refused', async (mode, bytes) => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'key');
    await writeFile(path, 'k'.repeat(bytes));
    await chmod(path, mode);
    expect(codeOf(() => readKeyFile(path))).toBe('CONFIG_INVALID');
  });

  it('that is missing is refused', () => {
    expect(codeOf(() => readKeyFile('/nonexistent/key'))).toBe('CONFIG_INVALID');
  });
});
