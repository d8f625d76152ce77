import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { syncedPathsOf } from '../../support/synced-paths.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const MODULE = new URL('../../../src/intake/receive/append-piece.ts', import.meta.url).href;

it('a piece is on the disk before it is acknowledged, and a whole body is left to the one who places it', async () => {
  await using dir = await createTempDir();
  const path = join(dir.path, 'body');
  await writeFile(path, '');
  const synced = async (text: string, sizeBytes: number): Promise<readonly string[]> =>
    syncedPathsOf(`
      const { Readable } = await import('node:stream');
      const { appendPiece } = await import('${MODULE}');
      const room = { write: (sizeBytes, write) => write() };
      await appendPiece(${JSON.stringify({ path, sizeBytes, lengthBytes: 6 })}, {
        body: Readable.from([Buffer.from('${text}')]), expectedDigests: [], stallMs: 10_000, room,
        signal: new AbortController().signal,
      });
    `);
  expect(await synced('0123', 0)).toEqual([path]);
  expect(await synced('45', 4)).toEqual([]);
  expect(await readFile(path, 'utf8')).toBe('012345');
});
