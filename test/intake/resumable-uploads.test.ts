import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toAppError } from '../../src/errors.ts';
import type { UploadPiece } from '../../src/intake/receive/append-piece.ts';
import { EXPIRE_MS } from '../../src/intake/receive/kept-upload.ts';
import type { ResumableFacts } from '../../src/intake/resumable-facts.ts';
import {
  type HeldUpload,
  ResumableUploads,
  type ResumableUploadsOptions,
} from '../../src/intake/resumable-uploads.ts';
import { ENOUGH_ROOM } from '../support/enough-room.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const OWNER = 'token ci';
const FACTS: ResumableFacts = {
  lengthBytes: 10,
  terms: { releasever: '9', batch: 'tag-1' },
  expectedDigests: [{ algorithm: 'sha256', hex: 'ab'.repeat(32), header: 'repr-digest' }],
  owner: OWNER,
};

let dir: TempDir;
let nowMs: number;
let uploads: ResumableUploads;
let warned: string[];

beforeEach(async () => {
  dir = await createTempDir();
  nowMs = Date.now();
  warned = [];
  uploads = await openUploads();
});

afterEach(() => dir.remove());

function openUploads(directory = dir.path): Promise<ResumableUploads> {
  const log = pino({}, { write: (line: string) => void warned.push(JSON.parse(line).msg) });
  return ResumableUploads.open({ directory, log, now: () => nowMs });
}

const pieceOf = (
  body: Readable | string,
  fields: Partial<UploadPiece> = {},
): Omit<UploadPiece, 'signal'> => ({
  body: typeof body === 'string' ? Readable.from([Buffer.from(body)]) : body,
  expectedDigests: [],
  stallMs: 10_000,
  room: ENOUGH_ROOM,
  ...fields,
});

const begin = async (facts: Partial<ResumableFacts> = {}): Promise<string> =>
  (await uploads.create({ ...FACTS, ...facts })).id;

const append = (id: string, body: Readable | string, fields?: Partial<UploadPiece>): Promise<number> =>
  uploads.hold(id, OWNER, (upload) => upload.append(pieceOf(body, fields)));

const look = (id: string): Promise<HeldUpload> => uploads.hold(id, OWNER, async (upload) => upload);

/** Taken at once, so that no failure is unseen for a while. */
const codeOf = (receiving: Promise<number>): Promise<string> =>
  receiving.then(
    () => 'none',
    (error: unknown) => toAppError(error).code,
  );

const bodyOf = (id: string): string => join(dir.path, id, 'body');

const sha256 = (text: string): UploadPiece['expectedDigests'] => [
  { algorithm: 'sha256', hex: createHash('sha256').update(text).digest('hex'), header: 'content-digest' },
];

describe('an upload in pieces', () => {
  it('knows what was said when it began, also in the next process', async () => {
    const id = await begin();
    const other = await openUploads();
    expect(await other.hold(id, OWNER, async (upload) => upload)).toMatchObject({ ...FACTS, offset: 0 });
  });

  it('is the pieces one after the other, in a file that only the service may read', async () => {
    const id = await begin();
    expect([await append(id, '0123'), await append(id, '45'), await append(id, '6789')]).toEqual([4, 6, 10]);
    expect(await readFile(bodyOf(id), 'utf8')).toBe('0123456789');
    expect((await stat(bodyOf(id))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dir.path, id))).mode & 0o777).toBe(0o700);
  });

  it('keeps what had come when the connection ends', async () => {
    const id = await begin();
    const body = new PassThrough();
    body.write('0123');
    const receiving = append(id, body);
    await eventually(() => expect(body.readableLength).toBe(0));
    body.destroy(new Error('aborted'));
    await expect(receiving).rejects.toMatchObject({ code: 'BODY_INCOMPLETE' });
    expect(await look(id)).toMatchObject({ offset: 4 });
    expect(await append(id, '456789')).toBe(10);
  });

  it('keeps what had come when the client stalls', async () => {
    const id = await begin();
    const body = new PassThrough();
    body.write('0123');
    await expect(append(id, body, { stallMs: 50 })).rejects.toMatchObject({ code: 'UPLOAD_STALLED' });
    expect(await look(id)).toMatchObject({ offset: 4 });
  });

  it('takes no more bytes than were said', async () => {
    const id = await begin();
    await expect(append(id, '01234567890')).rejects.toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
    expect(await look(id)).toMatchObject({ offset: 0 });
  });

  it('drops a piece that has another digest than was said, and no other', async () => {
    const id = await begin();
    await append(id, '0123');
    await expect(append(id, '45x', { expectedDigests: sha256('456') })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(await look(id)).toMatchObject({ offset: 4 });
    expect(await append(id, '456789', { expectedDigests: sha256('456789') })).toBe(10);
  });

  it('does not count its last byte until it is accepted', async () => {
    const id = await begin();
    await append(id, '0123456789');
    expect(await look(id)).toMatchObject({ offset: 9, isAccepted: false });
    await uploads.hold(id, OWNER, (upload) => upload.accept());
    expect(await look(id)).toMatchObject({ offset: 10, isAccepted: true });
    expect(existsSync(bodyOf(id))).toBe(false);
  });

  it('never writes to a body again that is complete: it may be published already', async () => {
    const id = await begin();
    await append(id, '0123456789');
    const published = join(dir.path, 'published');
    await link(bodyOf(id), published);
    const before = await stat(published);
    expect(await append(id, '9', { expectedDigests: sha256('9') })).toBe(10);
    expect(await append(id, Readable.from([]))).toBe(9);
    await expect(append(id, '8')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(append(id, '9', { expectedDigests: sha256('8') })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    await expect(append(id, '90')).rejects.toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
    expect(await readFile(published, 'utf8')).toBe('0123456789');
    expect((await stat(published)).mtimeMs).toBe(before.mtimeMs);
  });

  it('that is accepted takes no more bytes', async () => {
    const id = await begin();
    await append(id, '0123456789');
    await uploads.hold(id, OWNER, (upload) => upload.accept());
    await expect(append(id, 'x')).rejects.toMatchObject({ code: 'UPLOAD_TOO_LARGE' });
    expect(existsSync(bodyOf(id))).toBe(false);
  });

  it('is gone when it is removed', async () => {
    const id = await begin();
    await uploads.hold(id, OWNER, (upload) => upload.remove());
    await expect(look(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await readdir(dir.path)).toEqual([]);
  });

  it('whose body was deleted is unknown, not accepted', async () => {
    const id = await begin();
    await unlink(bodyOf(id));
    await expect(look(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('that cannot be begun leaves nothing', async () => {
    const missing = join(dir.path, 'a-file');
    const broken = await openUploads(missing);
    await writeFile(missing, '');
    await expect(broken.create(FACTS)).rejects.toMatchObject({ code: 'ENOTDIR' });
    expect(await readdir(dir.path)).toEqual(['a-file']);
  });

  it.each([
    '',
    '.',
    '..',
    '../..',
    'a',
    '00000000-0000-0000-0000-000000000000',
    '00000000-0000-0000-0000-00000000000G',
  ])('is not found under the name %j', async (id) => {
    await expect(look(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is found only by its owner, who is not disturbed by that', async () => {
    const id = await begin();
    const body = new PassThrough();
    const receiving = append(id, body);
    body.write('0123');
    await eventually(() => expect(body.readableLength).toBe(0));
    const other = uploads.hold(id, 'token other', async () => 'found');
    await expect(other).rejects.toMatchObject({ code: 'NOT_FOUND' });
    body.end('456789');
    expect(await receiving).toBe(10);
  });
});

describe('requests for one upload', () => {
  it('that come while another receives end it, and go on with what it had received', async () => {
    const id = await begin();
    const body = new PassThrough();
    body.write('0123');
    const first = codeOf(append(id, body));
    await eventually(() => expect(body.readableLength).toBe(0));
    const second = uploads.hold(id, OWNER, async (upload) => {
      expect(upload.offset).toBe(4);
      return upload.append(pieceOf('456789'));
    });
    expect(await first).toBe('BODY_INCOMPLETE');
    expect(await second).toBe(10);
    expect(await readFile(bodyOf(id), 'utf8')).toBe('0123456789');
  });

  it('wait for what is done with a body that is complete, and see what came of it', async () => {
    const [id, other] = [await begin(), await begin()];
    const ingesting = Promise.withResolvers<void>();
    let isOver = false;
    const first = uploads.hold(id, OWNER, async (upload) => {
      await upload.append(pieceOf('0123456789'));
      await ingesting.promise;
      await upload.accept();
      isOver = true;
    });
    await eventually(async () => expect((await stat(bodyOf(id))).size).toBe(10));
    const second = uploads.hold(id, OWNER, async (upload) => ({ ...upload, isOver }));
    // What waits for nothing and began later is done by then.
    await look(other);
    ingesting.resolve();
    await first;
    expect(await second).toMatchObject({ isAccepted: true, offset: 10, isOver: true });
  });

  it('that wait give way to newer ones', async () => {
    const id = await begin();
    const [gate, interrupted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const first = uploads.hold(id, OWNER, async (upload) => {
      await upload.append(pieceOf(new PassThrough())).catch(() => interrupted.resolve());
      await gate.promise;
    });
    const second = codeOf(append(id, new PassThrough()));
    await interrupted.promise;
    const third = append(id, '01234');
    gate.resolve();
    await first;
    expect(await second).toBe('BODY_INCOMPLETE');
    expect(await third).toBe(5);
  });

  it('are all over when the uploads have settled', async () => {
    const id = await begin();
    const [gate, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let isOver = false;
    const held = uploads.hold(id, OWNER, async () => {
      begun.resolve();
      await gate.promise;
      isOver = true;
    });
    await begun.promise;
    const settled = uploads.settled().then(() => isOver);
    gate.resolve();
    await held;
    expect(await settled).toBe(true);
  });

  it('do not wait for one that failed longer than it took', async () => {
    const id = await begin();
    await expect(uploads.hold(id, OWNER, () => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    expect(await append(id, '0123')).toBe(4);
  });
});

describe('an upload expires', () => {
  it('a day after its last byte, whether it has been swept or not', async () => {
    const id = await begin();
    nowMs = Date.now() + EXPIRE_MS - 1000;
    await append(id, '0123');
    const { expiresAtMs } = await look(id);
    expect(expiresAtMs).toBeGreaterThan(Date.now() + EXPIRE_MS - 60_000);
    expect(await uploads.sweep()).toBe(0);
    nowMs = expiresAtMs + 1;
    await expect(look(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await uploads.sweep()).toBe(1);
    expect(await readdir(dir.path)).toEqual([]);
  });

  it('a day after it was accepted', async () => {
    const id = await begin();
    await append(id, '0123456789');
    await utimes(bodyOf(id), 0, 0);
    nowMs = 1;
    await uploads.hold(id, OWNER, (upload) => upload.accept());
    nowMs = Date.now() + EXPIRE_MS - 60_000;
    expect(await uploads.sweep()).toBe(0);
    expect(await look(id)).toMatchObject({ isAccepted: true });
    nowMs = Date.now() + EXPIRE_MS + 1000;
    expect(await uploads.sweep()).toBe(1);
  });

  it('not while something is written to it', async () => {
    const id = await begin();
    const body = new PassThrough();
    const receiving = append(id, body);
    body.write('0123');
    await eventually(() => expect(body.readableLength).toBe(0));
    nowMs = Date.now() + 2 * EXPIRE_MS;
    expect(await uploads.sweep()).toBe(0);
    body.end('456789');
    expect(await receiving).toBe(10);
  });

  it('also when others are damaged, which expire as it does', async () => {
    const [id, other] = [await begin(), await begin()];
    await writeFile(join(dir.path, '0-a-file'), 'in the way');
    await writeFile(join(dir.path, other, 'upload.json'), '{"lengthBytes":1');
    expect(await uploads.sweep()).toBe(0);
    expect(warned).toEqual(Array(2).fill('an upload in pieces is damaged; it is removed when it expires'));
    expect(await look(id)).toMatchObject({ offset: 0 });
    nowMs = Date.now() + EXPIRE_MS + 1000;
    expect(await uploads.sweep()).toBe(3);
    expect(await readdir(dir.path)).toEqual([]);
  });

  it('when it is damaged a day after its last byte as well', async () => {
    const id = await begin();
    await append(id, '0123');
    await writeFile(join(dir.path, id, 'upload.json'), '');
    await utimes(join(dir.path, id), 0, 0);
    expect(await uploads.sweep()).toBe(0);
    await utimes(bodyOf(id), 0, 0);
    expect(await uploads.sweep()).toBe(1);
  });

  it('also when a killed process had not yet begun it, and whatever its name is', async () => {
    await mkdir(join(dir.path, 'left', 'deep'), { recursive: true });
    expect(await uploads.sweep()).toBe(0);
    nowMs = Date.now() + EXPIRE_MS + 1000;
    expect(await uploads.sweep()).toBe(1);
    expect(await readdir(dir.path)).toEqual([]);
  });
});

describe('the quotas of uploads in pieces', () => {
  const QUOTAS = { unfinished: { each: 2, together: 3 }, accepted: { each: 2, together: 3 } };
  const open = (fields: Partial<ResumableUploadsOptions> = {}): Promise<ResumableUploads> =>
    ResumableUploads.open({
      directory: dir.path,
      log: pino({}, { write: (line: string) => void warned.push(JSON.parse(line).msg) }),
      now: () => nowMs,
      quotas: QUOTAS,
      ...fields,
    });

  async function acceptOne(owner: string): Promise<string> {
    const { id } = await uploads.create({ ...FACTS, lengthBytes: 1, owner });
    await uploads.hold(id, owner, async (upload) => {
      await upload.append(pieceOf('x'));
      await upload.accept();
    });
    return id;
  }

  const isThere = (id: string, owner: string): Promise<boolean> =>
    uploads.hold(id, owner, async () => true).catch(() => false);

  it('refuse an owner with enough unfinished ones, not another, and leave nothing of what they refused', async () => {
    uploads = await open();
    const ids = [await begin({ owner: 'alice' }), await begin({ owner: 'alice' })];
    await expect(begin({ owner: 'alice' })).rejects.toMatchObject({ code: 'QUOTA_REACHED' });
    expect(await readdir(dir.path)).toHaveLength(2);
    ids.push(await begin({ owner: 'bob' }));
    await expect(begin({ owner: 'carol' })).rejects.toMatchObject({ details: { limit: 3 } });
    expect((await readdir(dir.path)).toSorted()).toEqual(ids.toSorted());
  });

  it('count what is there after a restart', async () => {
    uploads = await open();
    await begin({ owner: 'alice' });
    await acceptOne('alice');
    uploads = await open();
    await begin({ owner: 'alice' });
    await expect(begin({ owner: 'alice' })).rejects.toMatchObject({ code: 'QUOTA_REACHED' });
  });

  it.each(['deleted', 'accepted', 'expired'])('make room for another when one was %s', async (how) => {
    uploads = await open();
    const id = await begin({ owner: 'alice', lengthBytes: 1 });
    await begin({ owner: 'alice' });
    if (how === 'expired') {
      nowMs += EXPIRE_MS + 60_000;
      await uploads.sweep();
    } else {
      await uploads.hold(id, 'alice', async (upload) => {
        await upload.append(pieceOf('x'));
        await (how === 'deleted' ? upload.remove() : upload.accept());
      });
    }
    expect(await begin({ owner: 'alice' })).not.toBe('');
  });

  it('forget the oldest accepted ones of an owner, and never refuse to accept', async () => {
    uploads = await open();
    const others = await acceptOne('bob');
    const ids = [await acceptOne('alice'), await acceptOne('alice'), await acceptOne('alice')];
    await uploads.settled();
    expect(await Promise.all(ids.map((id) => isThere(id, 'alice')))).toEqual([false, true, true]);
    expect(await isThere(others, 'bob')).toBe(true);
  });

  it('accept an upload also while the oldest cannot be removed, which the next sweep does', async () => {
    let isBroken = true;
    const removeFolder = async (path: string): Promise<void> => {
      if (isBroken) throw new Error('EIO');
      await rm(path, { recursive: true });
    };
    uploads = await open({ removeFolder });
    for (let count = 0; count < 3; count += 1) await acceptOne('alice');
    await uploads.settled();
    expect(warned).toEqual(['an upload in pieces was not swept']);
    expect(await readdir(dir.path)).toHaveLength(3);
    isBroken = false;
    expect(await uploads.sweep()).toBe(1);
    expect(await readdir(dir.path)).toHaveLength(2);
  });

  it('leave the oldest to a request that has it, until the next sweep', async () => {
    uploads = await open();
    const oldest = await acceptOne('alice');
    await acceptOne('alice');
    await uploads.hold(oldest, 'alice', async () => {
      await acceptOne('alice');
      expect(await readdir(dir.path)).toContain(oldest);
    });
    expect(await uploads.sweep()).toBe(1);
    expect(await readdir(dir.path)).not.toContain(oldest);
  });

  it('forget all accepted ones that are too many at the sweep after a start', async () => {
    uploads = await openUploads();
    for (let count = 0; count < 5; count += 1) await acceptOne('alice');
    uploads = await open();
    expect(await uploads.sweep()).toBe(3);
    expect(await readdir(dir.path)).toHaveLength(2);
  });
});
