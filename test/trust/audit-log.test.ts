import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openAuditLog } from '../../src/trust/audit-log.ts';
import { codeOf } from '../support/app-error.ts';
import { createTempDir } from '../support/temp-dir.ts';

function failOn(error: unknown): void {
  throw error;
}

const linesOf = async (path: string): Promise<unknown[]> =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('the audit log', () => {
  it('adds a line each, in a file that others cannot read', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'sub/audit.log');
    const log = openAuditLog(path, failOn);
    log.write({ one: 1 });
    log.write({ two: 'a\nb' });
    await log.close();
    expect(await linesOf(path)).toEqual([{ one: 1 }, { two: 'a\nb' }]);
    expect((await stat(path)).mode & 0o007).toBe(0);
  });

  it('that can never be written is refused at once', async () => {
    await using dir = await createTempDir();
    await writeFile(join(dir.path, 'file'), '');
    for (const path of [dir.path, join(dir.path, 'file/audit.log')]) {
      expect(codeOf(() => openAuditLog(path, failOn))).toBe('CONFIG_INVALID');
    }
  });

  it('goes on when its directory was removed', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'sub/audit.log');
    const failed: string[] = [];
    const log = openAuditLog(path, (_error, line) => failed.push(line));
    await rm(join(dir.path, 'sub'), { recursive: true });
    log.write({ one: 1 });
    log.write({ two: 2 });
    expect(failed).toEqual(['{"one":1}\n']);
    expect(await linesOf(path)).toEqual([{ two: 2 }]);
    await log.close();
  });

  it('goes on in a new file when the old one was rotated away', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'audit.log');
    const log = openAuditLog(path, failOn);
    log.write({ one: 1 });
    await rename(path, `${path}.1`);
    log.write({ two: 2 });
    await log.close();
    expect(await linesOf(`${path}.1`)).toEqual([{ one: 1 }]);
    expect(await linesOf(path)).toEqual([{ two: 2 }]);
  });

  it('ends a line that a crash left half-written', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'audit.log');
    await writeFile(path, '{"one":1}\n{"tw');
    const log = openAuditLog(path, failOn);
    log.write({ three: 3 });
    await log.close();
    expect(await readFile(path, 'utf8')).toBe('{"one":1}\n{"tw\n{"three":3}\n');
  });

  it('says which line could not be written, and goes on when it can again', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'audit.log');
    const failed: string[] = [];
    const log = openAuditLog(path, (_error, line) => failed.push(line));
    await rm(path);
    await mkdir(path);
    log.write({ one: 1 });
    expect(failed).toEqual(['{"one":1}\n']);
    await rename(path, `${path}.directory`);
    log.write({ two: 2 });
    await log.close();
    expect(await linesOf(path)).toEqual([{ two: 2 }]);
  });

  it.each([
    ['quotes', '"'],
    ['control characters', '\u0001'],
    ['C1 and text direction characters', '\u009b\u202e'],
    ['characters outside of the basic plane', '\u{1f600}'],
    ['letters', 'x'],
  ])('cuts what a client sent at 1,024 bytes as they are written: %s', async (_, text) => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'audit.log');
    const log = openAuditLog(path, failOn);
    log.write({ url: text.repeat(8_000), repositories: Array.from({ length: 500 }, () => text.repeat(9)) });
    log.write({ url: 'short' });
    await log.close();
    const [line = ''] = (await readFile(path, 'utf8')).split('\n');
    const url = /"url":"(?<url>(?:[^"\\]|\\.)*)"/.exec(line)?.groups?.['url'] ?? '';
    expect(Buffer.byteLength(url)).toBeLessThanOrEqual(1024);
    expect(Buffer.byteLength(url)).toBeGreaterThan(1000);
    const [first, second] = await linesOf(path);
    expect(first).toMatchObject({ url: expect.stringMatching(/\.\.\.$/) });
    expect(first).toMatchObject({
      repositories: expect.objectContaining({ length: 101, 100: '... 500 in all' }),
    });
    expect(second).toEqual({ url: 'short' });
  });

  it('shows no character that a terminal could act on', async () => {
    await using dir = await createTempDir();
    const path = join(dir.path, 'audit.log');
    const log = openAuditLog(path, failOn);
    log.write({ url: '/upload\u009b31m\u202e' });
    await log.close();
    expect(await readFile(path, 'utf8')).toBe('{"url":"/upload\\u009b31m\\u202e"}\n');
  });
});
