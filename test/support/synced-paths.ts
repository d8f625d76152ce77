import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { createTempDir } from './temp-dir.ts';

const SRC = new URL('../../src/', import.meta.url);
const RUN_LIMIT_MS = 60_000;

/**
 * Calls an exported function of a module below src/ in a process of its own and gives the paths that it synced, in
 * order, as the kernel saw them.
 */
export async function syncedPaths(
  module: string,
  exported: string,
  ...args: readonly unknown[]
): Promise<readonly string[]> {
  const call = `(await import(${JSON.stringify(new URL(module, SRC).href)}))[${JSON.stringify(exported)}]`;
  return syncedPathsOf(`await ${call}(...${JSON.stringify(args)});`);
}

/** The same for a piece of module code, which imports what it needs from `src/` by absolute URL. */
export async function syncedPathsOf(code: string): Promise<readonly string[]> {
  await using dir = await createTempDir('rpmyard-strace-');
  const trace = join(dir.path, 'trace');
  const node = [process.execPath, '--input-type=module', '--eval', code];
  await execa('strace', ['-f', '-qq', '-y', '-e', 'trace=fsync,fdatasync', '-o', trace, ...node], {
    stdin: 'ignore',
    timeout: RUN_LIMIT_MS,
  });
  const lines = (await readFile(trace, 'utf8')).split('\n');
  return lines.flatMap((line) => /f(?:data)?sync\(\d+<(?<path>[^>]*)>/.exec(line)?.groups?.['path'] ?? []);
}
