import {
  appendFile,
  type FileHandle,
  lstat,
  mkdir,
  open as openFile,
  readdir,
  rename,
  rm,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../../../src/trust/requester.ts';
import { AppError, type ErrorCode } from '../../../src/errors.ts';
import {
  type DropDirectory,
  type DropDirectoryParts,
  type ScanOptions,
  openDropDirectory,
} from '../../../src/intake/open-drop-directory.ts';
import { checkStart } from '../../../src/intake/check-start.ts';
import { createIncomingFiles } from '../../../src/intake/incoming-files.ts';
import { createMountCalls } from '../../../src/intake/drop/mount-calls.ts';
import type { SpooledUpload } from '../../../src/intake/spooled-upload.ts';
import type { DropReportParts } from '../../../src/intake/drop/drop-report.ts';
import {
  type FileCalls,
  takeDroppedFile,
  type TakeParts,
} from '../../../src/intake/drop/take-dropped-file.ts';
import { streamToSpool } from '../../../src/intake/stream-to-spool.ts';
import type { UploadOutcome } from '../../../src/api/upload-outcome.ts';
import { SignatureTag } from '../../../src/rpm/rpm-parser/tag.ts';
import { craftRpm, int32Tag, replaceTags } from '../../support/craft-rpm.ts';
import { ENOUGH_ROOM } from '../../support/enough-room.ts';
import { eventually } from '../../support/eventually.ts';
import { createTempDir, type TempDir } from '../../support/temp-dir.ts';

const OUTCOME: UploadOutcome = { outcome: 'created', nevra: 'x', sha256: 'x', sizeBytes: 1, places: [] };

let dir: TempDir;
let incoming: string;
let nowMs: number;
let logLines: { readonly msg: string; readonly level: number; readonly file?: string }[];
let counted: string[];
let audited: object[];
let opened: DropDirectory | undefined;

beforeEach(async () => {
  dir = await createTempDir();
  incoming = join(dir.path, 'drop');
  for (const name of ['spool', 'state', 'drop']) await mkdir(join(dir.path, name));
  nowMs = Date.now();
  [logLines, counted, audited, opened] = [[], [], [], undefined];
});

afterEach(async () => {
  await opened?.close();
  await dir.remove();
});

/** What a test says of its own, of all parts together. */
type Changed = Partial<
  Pick<DropDirectoryParts, 'rules'> & TakeParts & DropReportParts & FileCalls & ScanOptions
>;

function takeParts(changed: Changed): TakeParts {
  return {
    spool: (body) =>
      streamToSpool(
        body,
        { spoolDir: join(dir.path, 'spool'), incomingDir: join(dir.path, 'state') },
        { maxUploadBytes: 10_000_000, stallMs: 60_000, room: ENOUGH_ROOM },
      ),
    maxUploadBytes: 10_000_000,
    checkStart: () => undefined,
    requester: ANONYMOUS,
    ingest: async () => OUTCOME,
    removeIncoming: createIncomingFiles(() => undefined).remove,
    ...changed,
  };
}

function open(changed: Changed = {}): DropDirectory {
  opened = openDropDirectory({
    path: incoming,
    rules: changed.rules ?? { settleMs: 0, giveUpMs: 60_000 },
    take: takeParts(changed),
    report: {
      audit: (facts) => void audited.push(facts),
      countUpload: (outcome) => void counted.push(outcome),
      log: pino({}, { write: (line: string) => void logLines.push(JSON.parse(line)) }),
      now: () => nowMs,
      ...changed,
    },
    fileCalls: changed,
    scanning: { everyMs: 10, ...changed },
  });
  return opened;
}

const drop = (name: string, text = name): Promise<void> => writeFile(join(incoming, name), text);

/** What lies in the drop directory, and what is left in spool and incoming. */
async function leftovers(): Promise<readonly string[]> {
  const folders = [incoming, join(dir.path, 'spool'), join(dir.path, 'state')];
  return (await Promise.all(folders.map((folder) => readdir(folder)))).flat();
}

async function expectEmptySoon(): Promise<void> {
  await eventually(async () => expect(await leftovers()).toEqual([]));
}

function failing(code: ErrorCode): AppError {
  return new AppError(code, 'not now', { hint: 'wait' });
}

/** An ingest that ends when the test says so. */
function held(): {
  readonly ingest: (upload: SpooledUpload) => Promise<UploadOutcome>;
  readonly begun: Promise<void>;
  readonly end: () => void;
  readonly seenBytes: number[];
} {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const seenBytes: number[] = [];
  return {
    ingest: async (upload) => {
      seenBytes.push(upload.sizeBytes);
      begun.resolve();
      await ended.promise;
      return OUTCOME;
    },
    begun: begun.promise,
    end: ended.resolve,
    seenBytes,
  };
}

const inputError = (): Error => Object.assign(new Error('i/o error'), { code: 'EIO', syscall: 'read' });

/** A disk with a bad block in each file of such a name. */
function failingToRead(prefix: string): typeof openFile {
  return async (path, flags) => {
    const file = await openFile(path, flags);
    if (!String(path).includes(prefix)) return file;
    return Object.assign(file, { read: () => Promise.reject(inputError()) });
  };
}

describe('the drop directory', () => {
  it('is found by scans where nothing tells of changes', async () => {
    open({ isWatched: false });
    await drop('a.rpm');
    await expectEmptySoon();
    expect(counted).toEqual(['created']);
  });

  it('is found by events where scans are rare', async () => {
    open({ everyMs: 3_600_000 });
    await drop('first.rpm');
    await expectEmptySoon();
    await drop('second.rpm');
    await expectEmptySoon();
    expect(counted).toEqual(['created', 'created']);
  });

  it('may be removed and made again', async () => {
    const directory = open();
    await drop('a.rpm');
    await expectEmptySoon();
    await rm(incoming, { recursive: true });
    await eventually(() => expect(directory.findFault()).toMatchObject({ code: 'STORAGE_FAILED' }));
    await mkdir(incoming);
    await drop('b.rpm');
    await expectEmptySoon();
    await eventually(() => expect(directory.findFault()).toBeUndefined());
    expect(logLines.filter(({ msg }) => msg === 'drop directory not read')).toHaveLength(1);
  });

  it('has two files in work at a time', async () => {
    let atOnce = 0;
    let most = 0;
    const second = Promise.withResolvers<void>();
    for (let index = 0; index < 20; index += 1) await drop(`${index}.rpm`);
    open({
      ingest: async () => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        if (atOnce === 2) second.resolve();
        await second.promise;
        await lstat(incoming);
        atOnce -= 1;
        return OUTCOME;
      },
    });
    await expectEmptySoon();
    expect(most).toBe(2);
  });

  it('takes what is in work to its end before it is closed, and leaves the rest', async () => {
    for (const name of ['a.rpm', 'b.rpm', 'c.rpm']) await drop(name);
    const { ingest, begun, end } = held();
    const directory = open({ ingest });
    await begun;
    const closed = directory.close();
    end();
    await closed;
    const left = await readdir(incoming);
    expect(left).toContain('c.rpm');
    expect(left).not.toContain('a.rpm');
  });
});

describe('a fault', () => {
  it.each(['INTERNAL', 'PACKAGE_SIGNING_FAILED', 'SIGNING_TOOL_FAILED'] as const)(
    'that may come of what is in a file (%s) holds up no other, and is none of the directory',
    async (code) => {
      for (const name of ['bad-a.rpm', 'bad-b.rpm', 'bad-c.rpm', 'd.rpm']) await drop(name);
      const directory = open({
        ingest: async ({ sizeBytes }) => {
          if (sizeBytes > 5) throw failing(code);
          return OUTCOME;
        },
        everyMs: 3_600_000,
        isWatched: false,
      });
      await eventually(() => expect(counted.toSorted()).toEqual([code, code, code, 'created'].toSorted()));
      expect(directory.findFault()).toBeUndefined();
      await eventually(() => expect(directory.countStuck()).toBe(3));
    },
  );
});

describe('a dropped file that is looked at before it is copied', () => {
  const TEBIBYTE = 2 ** 40;
  const HUGE_ALLOWED = { checkStart, maxUploadBytes: 2 * TEBIBYTE };

  /** Parts that copy nothing, with the number of attempts. */
  function copyingNothing() {
    const copies: string[] = [];
    const spool = async (): Promise<never> => {
      copies.push('copied');
      throw failing('STORAGE_FULL');
    };
    return { copies, parts: { ...HUGE_ALLOWED, spool } };
  }

  it.each([
    ['a terabyte of nothing', Buffer.alloc(0)],
    ['a terabyte that begins as another kind of file', Buffer.from('PK\u0003\u0004')],
  ])('is rejected at once when it is %s', async (_, bytes) => {
    await writeFile(join(incoming, 'a.rpm'), bytes);
    await truncate(join(incoming, 'a.rpm'), TEBIBYTE);
    const { copies, parts } = copyingNothing();
    open(parts);
    await eventually(() => expect(counted).toEqual(['RPM_MALFORMED']));
    await eventually(async () => expect(await readdir(join(incoming, 'rejected'))).toContain('a.rpm'));
    expect(copies).toEqual([]);
  });

  it('is taken when its start is right, whatever size it says, also when its header is larger than what is looked at', async () => {
    const many = Array.from({ length: 3000 }, (__, index) => `/usr/share/large/with/a/long/name/${index}`);
    await writeFile(join(incoming, 'small.rpm'), craftRpm({ name: 'small' }));
    await writeFile(join(incoming, 'large.rpm'), craftRpm({ name: 'large', summary: many.join(' ') }));
    const editSignature = replaceTags(int32Tag(SignatureTag.SIZE, [12_345_678]));
    await writeFile(join(incoming, 'odd.rpm'), craftRpm({ name: 'odd', editSignature }));
    open({ checkStart });
    await expectEmptySoon();
    expect(counted).toEqual(['created', 'created', 'created']);
  });
});

describe('a dropped file', () => {
  it('that is replaced while it is taken is taken as well', async () => {
    const { ingest, begun, end, seenBytes } = held();
    open({ ingest });
    await drop('a.rpm', 'one');
    await begun;
    await writeFile(join(incoming, '.new'), 'another one');
    await rename(join(incoming, '.new'), join(incoming, 'a.rpm'));
    end();
    await expectEmptySoon();
    expect(seenBytes).toEqual([3, 11]);
  });

  it('that is written to while it is taken is looked at again', async () => {
    const { ingest, begun, end, seenBytes } = held();
    open({ ingest });
    await drop('a.rpm', 'one');
    await begun;
    await appendFile(join(incoming, 'a.rpm'), ' and more');
    end();
    await expectEmptySoon();
    expect(seenBytes).toEqual([3, 12]);
  });

  it('that is another one than was looked at is not read', async () => {
    await drop('a.rpm', 'one');
    const path = join(incoming, 'a.rpm');
    const stats = await lstat(path, { bigint: true });
    await appendFile(path, ' and more');
    const parts = takeParts({ ingest: async () => Promise.reject(failing('INTERNAL')) });
    const { signal } = new AbortController();
    const reach = { calls: createMountCalls(incoming, 10_000), signal };
    expect(await takeDroppedFile({ path, stats }, parts, reach)).toEqual({ kind: 'changed' });
    await rm(path);
    expect(await takeDroppedFile({ path, stats }, parts, reach)).toEqual({ kind: 'changed' });
  });

  it('that meets a fault of ours stays, is tried again with pauses, and is told of once', async () => {
    let fault: AppError | undefined = failing('STORAGE_FULL');
    const directory = open({
      ingest: async () => {
        if (fault !== undefined) throw fault;
        return OUTCOME;
      },
    });
    for (const name of ['a.rpm', 'b.rpm', 'c.rpm']) await drop(name);
    await eventually(() => expect(counted).toHaveLength(3));
    expect(directory.findFault()).toBe(fault);
    nowMs += 10_000;
    await eventually(() => expect(counted).toHaveLength(6));
    nowMs += 29_000;
    fault = undefined;
    await drop('d.rpm');
    await eventually(() => expect(counted).toEqual([...Array(6).fill('STORAGE_FULL'), 'created']));
    nowMs += 1_000;
    await expectEmptySoon();
    expect(logLines.filter(({ level }) => level === 50)).toHaveLength(1);
    await eventually(() => expect(directory.findFault()).toBeUndefined());
    expect(audited).toHaveLength(4);
  });

  it('that meets a quota stays, is tried again after an hour or a touch, and holds up no other', async () => {
    let isReached = true;
    const directory = open({
      ingest: async () => {
        if (isReached) throw failing('QUOTA_REACHED');
        return OUTCOME;
      },
    });
    for (const name of ['a.rpm', 'b.rpm']) await drop(name);
    await eventually(() => expect(counted).toEqual(['QUOTA_REACHED', 'QUOTA_REACHED']));
    expect(directory.findFault()).toBeUndefined();
    expect(directory.countStuck()).toBe(2);
    expect(logLines.filter(({ level }) => level === 50)).toHaveLength(1);
    isReached = false;
    nowMs += 3_599_000;
    await drop('c.rpm');
    await eventually(() => expect(counted).toHaveLength(3));
    await utimes(join(incoming, 'a.rpm'), 1, 1);
    await eventually(async () => expect(await leftovers()).toEqual(['b.rpm']));
    nowMs += 1_000;
    await expectEmptySoon();
    expect(directory.countStuck()).toBe(0);
  });

  it('that its disk cannot give stays, and those behind it are taken meanwhile', async () => {
    for (const name of ['bad-a.rpm', 'bad-b.rpm', 'c.rpm', 'd.rpm']) await drop(name);
    const directory = open({ open: failingToRead('bad'), everyMs: 3_600_000, isWatched: false });
    await eventually(async () => expect((await leftovers()).toSorted()).toEqual(['bad-a.rpm', 'bad-b.rpm']));
    expect(counted.toSorted()).toEqual(['STORAGE_FAILED', 'STORAGE_FAILED', 'created', 'created']);
    expect(directory.findFault()).toBeUndefined();
    expect(directory.countStuck()).toBe(2);
  });

  it('that cannot be removed from a directory that is gone is no fault of the file', async () => {
    await drop('a.rpm');
    const path = join(incoming, 'a.rpm');
    const stats = await lstat(path, { bigint: true });
    const directory = open({
      everyMs: 3_600_000,
      isWatched: false,
      // As a network file system may go on saying for a while.
      lstat: async () => stats,
      ingest: async () => {
        await rename(incoming, join(dir.path, 'gone'));
        return OUTCOME;
      },
    });
    await eventually(() => expect(directory.findFault()).toBeInstanceOf(AppError));
    expect(directory.countStuck()).toBe(0);
  });

  it('that cannot even be looked at stays, and those behind it are taken meanwhile', async () => {
    for (const name of ['bad-a.rpm', 'bad-b.rpm', 'c.rpm']) await drop(name);
    const directory = open({
      lstat: (path, options) => (path.includes('bad') ? Promise.reject(inputError()) : lstat(path, options)),
    });
    await eventually(async () => expect((await leftovers()).toSorted()).toEqual(['bad-a.rpm', 'bad-b.rpm']));
    await drop('d.rpm');
    await eventually(() => expect(counted).toEqual(['created', 'created']));
    expect(directory.findFault()).toBeUndefined();
    expect(directory.countStuck()).toBe(2);
    expect(logLines.filter(({ level }) => level === 50)).toHaveLength(2);
  });

  it('that is refused is noted once, also when rejected cannot be used, and moved as soon as it can', async () => {
    await writeFile(join(incoming, 'rejected'), 'in the way');
    open({ ingest: async () => Promise.reject(failing('RPM_MALFORMED')) });
    await drop('a.rpm');
    await eventually(() => expect(logLines.filter(({ level }) => level === 50)).toHaveLength(1));
    await rm(join(incoming, 'rejected'));
    nowMs += 10_000;
    await eventually(async () => expect(await leftovers()).toEqual(['rejected']));
    expect(counted).toEqual(['RPM_MALFORMED']);
    expect(audited).toHaveLength(1);
  });

  it('that is refused is a line of the log, but not each of hundreds that come at once', async () => {
    for (let file = 0; file < 520; file += 1) await drop(`${file}.rpm`);
    open({ ingest: () => Promise.reject(failing('RPM_MALFORMED')) });
    await eventually(async () => expect(await readdir(incoming)).toEqual(['rejected']));
    expect(counted).toHaveLength(520);
    expect(logLines.filter(({ msg }) => msg === 'dropped file refused')).toHaveLength(500);
  });

  it('that is larger than an upload may be is refused', async () => {
    open({ maxUploadBytes: 10 });
    await drop('a.rpm', 'more than ten');
    await eventually(() => expect(counted).toEqual(['UPLOAD_TOO_LARGE']));
    await eventually(async () => expect(await leftovers()).toEqual(['rejected']));
  });

  it('whose name is not UTF-8 stays and is told of once', async () => {
    const directory = open();
    await writeFile(
      Buffer.concat([Buffer.from(`${incoming}/`), Buffer.from('e9', 'hex'), Buffer.from('.rpm')]),
      'x',
    );
    await eventually(() => expect(directory.countStuck()).toBe(1));
    expect(directory.findFault()).toBeUndefined();
    await drop('b.rpm');
    await eventually(() => expect(counted).toEqual(['created']));
    expect(logLines.filter(({ level }) => level === 50)).toHaveLength(1);
  });
});

/** A mount on which every read, or every opening, waits until the test says so. */
function hangingAt(what: 'open' | 'read'): {
  readonly open: typeof openFile;
  readonly begun: string[];
  readonly opened: FileHandle[];
  readonly answer: () => void;
} {
  const answered = Promise.withResolvers<void>();
  const [begun, handles]: [string[], FileHandle[]] = [[], []];
  return {
    open: async (path, flags) => {
      if (what === 'open') {
        begun.push(String(path));
        await answered.promise;
      }
      const file = await openFile(path, flags);
      handles.push(file);
      const readNow = file.read.bind(file);
      const read = async (options: object): Promise<object> => {
        if (what === 'read') {
          begun.push(String(path));
          await answered.promise;
        }
        return readNow(options);
      };
      return Object.assign(file, { read });
    },
    begun,
    opened: handles,
    answer: answered.resolve,
  };
}

describe('a mount that does not answer', () => {
  it.each(['open', 'read'] as const)('to %s is a fault, and is worked off when it answers', async (what) => {
    const mount = hangingAt(what);
    for (const name of ['a.rpm', 'b.rpm', 'c.rpm']) await drop(name);
    const directory = open({ open: mount.open, answerMs: 50 });
    await eventually(() => expect(directory.findFault()).toMatchObject({ code: 'STORAGE_FAILED' }));
    expect(directory.findFault()?.message).toContain('does not answer');
    await eventually(() => expect(logLines.map(({ msg }) => msg)).toContain('drop directory not read'));
    await drop('d.rpm');
    expect(audited).toEqual([]);

    mount.answer();
    nowMs += 3_600_000;
    await expectEmptySoon();
    expect(audited).toHaveLength(4);
    await eventually(() => expect(directory.findFault()).toBeUndefined());
    await eventually(() => expect(mount.opened.map(({ fd }) => fd)).toEqual(mount.opened.map(() => -1)));
  });

  it('does not keep the service from ending', async () => {
    const mount = hangingAt('read');
    await drop('a.rpm');
    const directory = open({ open: mount.open, answerMs: 50 });
    await eventually(() => expect(mount.begun).toHaveLength(1));
    await directory.close();
    mount.answer();
    expect(await readdir(incoming)).toEqual(['a.rpm']);
  });
});
