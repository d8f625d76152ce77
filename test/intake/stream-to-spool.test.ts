import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { streamToSpool } from '../../src/intake/stream-to-spool.ts';
import { ENOUGH_ROOM } from '../support/enough-room.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const LIMITS = { maxUploadBytes: 10_000_000, stallMs: 10_000, room: ENOUGH_ROOM };

let dir: TempDir;
let folders: { spoolDir: string; incomingDir: string };

beforeEach(async () => {
  dir = await createTempDir();
  folders = { spoolDir: join(dir.path, 'spool'), incomingDir: join(dir.path, 'incoming') };
  await mkdir(folders.spoolDir);
  await mkdir(folders.incomingDir);
});

afterEach(() => dir.remove());

async function expectNothingLeft(): Promise<void> {
  expect(await readdir(folders.spoolDir)).toEqual([]);
  expect(await readdir(folders.incomingDir)).toEqual([]);
}

describe('a streamed body', () => {
  it.each([1, 1000, 1024 * 1024, 1024 * 1024 + 1, 5_000_000])(
    'of %i bytes arrives whole, with its size and sha256',
    async (sizeBytes) => {
      const bytes = randomBytes(sizeBytes);
      const pieces = Array.from({ length: Math.ceil(sizeBytes / 70_001) }, (_, index) =>
        bytes.subarray(index * 70_001, (index + 1) * 70_001),
      );
      const received = await streamToSpool(Readable.from(pieces), folders, LIMITS);
      expect(received).toMatchObject({ sizeBytes, sha256: createHash('sha256').update(bytes).digest('hex') });
      expect((await readFile(received.path)).equals(bytes)).toBe(true);
      expect(await readdir(folders.incomingDir)).toHaveLength(1);
      expect(await readdir(folders.spoolDir)).toEqual([]);
    },
  );

  it('is ours alone while it arrives', async () => {
    const body = new PassThrough();
    const received = streamToSpool(body, folders, LIMITS);
    body.write('half');
    const [name, ...others] = await readdirOnceFilled(folders.spoolDir);
    expect(others).toEqual([]);
    expect(name).toMatch(/^[0-9a-f-]{36}\.part$/);
    expect((await stat(join(folders.spoolDir, name ?? ''))).mode & 0o777).toBe(0o600);
    expect(await readdir(folders.incomingDir)).toEqual([]);
    body.end();
    expect((await stat((await received).path)).mode & 0o777).toBe(0o600);
  });

  it('of exactly the limit is taken', async () => {
    const limits = { ...LIMITS, maxUploadBytes: 4 };
    expect(await streamToSpool(Readable.from([Buffer.from('1234')]), folders, limits)).toMatchObject({
      sizeBytes: 4,
    });
  });

  it('over the limit is refused as soon as it is, and the stream stays open for an answer', async () => {
    const limits = { ...LIMITS, maxUploadBytes: 4 };
    const body = new PassThrough();
    body.write('12345');
    await expect(streamToSpool(body, folders, limits)).rejects.toMatchObject({
      code: 'UPLOAD_TOO_LARGE',
      statusCode: 413,
    });
    expect(body.destroyed).toBe(false);
    await expectNothingLeft();
  });

  it('without a byte is refused', async () => {
    await expect(streamToSpool(Readable.from([]), folders, LIMITS)).rejects.toMatchObject({
      code: 'EMPTY_BODY',
    });
    await expectNothingLeft();
  });

  it('that stalls is given up after the longest pause', async () => {
    const body = new PassThrough();
    body.write('half');
    await expect(streamToSpool(body, folders, { ...LIMITS, stallMs: 30 })).rejects.toMatchObject({
      code: 'UPLOAD_STALLED',
      statusCode: 408,
    });
    expect(body.destroyed).toBe(false);
    await expectNothingLeft();
  });

  it('that never begins is given up as well', async () => {
    await expect(streamToSpool(new PassThrough(), folders, { ...LIMITS, stallMs: 30 })).rejects.toMatchObject(
      { code: 'UPLOAD_STALLED' },
    );
    await expectNothingLeft();
  });

  it('that breaks off is incomplete, and its cause is kept', async () => {
    const body = new PassThrough();
    body.write('half');
    const received = streamToSpool(body, folders, LIMITS);
    const cause = new Error('aborted');
    await readdirOnceFilled(folders.spoolDir);
    body.destroy(cause);
    await expect(received).rejects.toMatchObject({ code: 'BODY_INCOMPLETE', statusCode: 400, cause });
    await expectNothingLeft();
  });

  it('that breaks off before it is read, or when it is no longer read, ends nothing but itself', async () => {
    const early = new PassThrough();
    const received = streamToSpool(early, folders, LIMITS);
    const cause = new Error('aborted');
    early.destroy(cause);
    await expect(received).rejects.toMatchObject({ code: 'BODY_INCOMPLETE', cause });

    const late = new PassThrough();
    late.write('12345');
    const refused = streamToSpool(late, folders, { ...LIMITS, maxUploadBytes: 4 });
    await expect(refused).rejects.toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
    late.destroy(cause);
    await new Promise((resolve) => late.on('close', resolve));
    await expectNothingLeft();
  });

  it('that was closed before is incomplete', async () => {
    const body = new PassThrough();
    body.destroy();
    await expect(streamToSpool(body, folders, LIMITS)).rejects.toMatchObject({ code: 'BODY_INCOMPLETE' });
    await expectNothingLeft();
  });

  it('that cannot be kept is a fault of ours, and leaves nothing', async () => {
    await rm(folders.incomingDir, { recursive: true });
    await expect(streamToSpool(Readable.from([Buffer.from('x')]), folders, LIMITS)).rejects.toMatchObject({
      code: 'ENOENT',
    });
    expect(await readdir(folders.spoolDir)).toEqual([]);
  });
});

/** The names in a directory as soon as there is one. */
async function readdirOnceFilled(path: string): Promise<readonly string[]> {
  for (;;) {
    const names = await readdir(path);
    if (names.length > 0) return names;
  }
}
