import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTempDir } from './temp-dir.ts';

/** Puts a shell script before the real program of this name, while a test runs. */
export async function withFakeTool<T>(
  tool: 'gpg' | 'gpgv' | 'rpmsign',
  script: string,
  test: () => Promise<T>,
): Promise<T> {
  await using bin = await createTempDir();
  await writeFile(join(bin.path, tool), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const path = process.env['PATH'] ?? '';
  process.env['PATH'] = `${bin.path}:${path}`;
  try {
    return await test();
  } finally {
    process.env['PATH'] = path;
  }
}
