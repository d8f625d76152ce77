import { readFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import {
  AppError,
  cutText,
  ERROR_STATUS,
  type ErrorCode,
  errnoOf,
  errorLine,
  printable,
  problemOf,
  toAppError,
} from '../src/errors.ts';

/** What a failed system call throws. */
function systemError(errno: string): Error {
  return Object.assign(new Error(`${errno}: it failed, write`), { code: errno, syscall: 'write', errno: -1 });
}

/** Fills a database to the page it has, as a full disk would. */
function sqliteFull(): unknown {
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE t (x); PRAGMA max_page_count = 1');
  try {
    database.exec(`INSERT INTO t VALUES ('${'x'.repeat(100_000)}')`);
  } catch (error) {
    return error;
  } finally {
    database.close();
  }
  throw new Error('expected the database to be full');
}

const isCode = (text: string): text is ErrorCode => Object.hasOwn(ERROR_STATUS, text);
const CODES = Object.keys(ERROR_STATUS).filter(isCode);

const HOSTILE = 'a\n\u001b[31mred\u009b2J\u202egpj.exe\u2066x\u2028y\u007f\r\u200f\u0000';

describe('printable', () => {
  it('writes control, C1 and direction characters as escapes', () => {
    expect(printable(HOSTILE)).toBe(
      'a\\u000a\\u001b[31mred\\u009b2J\\u202egpj.exe\\u2066x\\u2028y\\u007f\\u000d\\u200f\\u0000',
    );
  });

  it.each(['plain text', 'größer', '日本語', 'emoji 🎉', 'tilde~caret^plus+', '\u00a0\ufffd'])(
    'leaves %j as it is',
    (text) => {
      expect(printable(text)).toBe(text);
    },
  );

  it('escapes every character that could act on a terminal', () => {
    const acting = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter((char) =>
      // Controls, and what turns the direction of text or ends a line.
      /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(char),
    );
    expect(acting.length).toBeGreaterThan(70);
    for (const char of acting) expect(printable(char)).toMatch(/^\\u[0-9a-f]{4}$/);
  });
});

describe('a text that is cut', () => {
  const writtenBytes = (text: string): number => Buffer.byteLength(printable(JSON.stringify(text))) - 2;

  it.each(['"', '\\', '\u0001', '\n', '\u009b', '\u202e', '\ud800', 'x', 'ö', '日', '🎉', '"🎉x\u2028'])(
    'of %j has as many bytes as it may have where it is written, or a character less',
    (text) => {
      const long = text.repeat(2_000);
      for (const maxBytes of [20, 100, 1_023, 1_024]) {
        const cut = cutText(long, maxBytes);
        expect(writtenBytes(cut)).toBeLessThanOrEqual(maxBytes);
        expect(writtenBytes(cut)).toBeGreaterThan(maxBytes - 10);
        expect(cut.endsWith('...')).toBe(true);
        expect(long.startsWith(cut.slice(0, -3))).toBe(true);
        expect(cut.isWellFormed()).toBe(long.isWellFormed());
      }
    },
  );

  it.each(['', 'x'.repeat(100), '"'.repeat(50), '🎉'.repeat(25)])(
    'stays as it is when it fits: %j',
    (text) => {
      expect(cutText(text, 100)).toBe(text);
      expect(cutText(`${text}x`, 100)).not.toBe(text);
    },
  );
});

describe('AppError', () => {
  it('says at most 1,024 bytes, wherever it is said', () => {
    const url = '"\u202e'.repeat(8_000);
    const error = new AppError('NOT_FOUND', `there is nothing at ${url}`, { hint: 'Look elsewhere.' });
    expect(Buffer.byteLength(JSON.stringify(error.message))).toBeLessThanOrEqual(1_026);
    expect(Buffer.byteLength(errorLine(error))).toBeLessThan(1_100);
    expect(Buffer.byteLength(JSON.stringify(problemOf(error, 'id')))).toBeLessThan(1_300);
    expect(Buffer.byteLength(error.stack ?? '')).toBeLessThan(4_000);
  });

  it('is made in a moment of megabytes that a client sent', () => {
    const startedMs = performance.now();
    const { message } = new AppError('NOT_FOUND', '\u202e'.repeat(10_000_000), { hint: 'Look elsewhere.' });
    expect(message.length).toBeLessThan(1_025);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });

  it('has the status of its code', () => {
    for (const code of CODES) {
      const { statusCode } = new AppError(code, 'x', { hint: 'y' });
      expect(statusCode).toBe(ERROR_STATUS[code]);
      expect(statusCode).toBeGreaterThanOrEqual(400);
      expect(statusCode).toBeLessThan(600);
    }
  });

  it('has a code in capitals', () => {
    for (const code of CODES) expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
  });

  it('keeps its cause and its details, and makes its message printable', () => {
    const cause = new Error('why');
    const error = new AppError('NEVRA_INVALID', HOSTILE, { hint: 'h', cause, details: { field: 'name' } });
    expect(error).toMatchObject({ code: 'NEVRA_INVALID', hint: 'h', details: { field: 'name' } });
    expect(error.cause).toBe(cause);
    expect(error.message).toBe(printable(HOSTILE));
  });
});

describe('errnoOf', () => {
  it('gives the code of a system error only', async () => {
    expect(errnoOf(systemError('EIO'))).toBe('EIO');
    expect(errnoOf(await readFile('/nonexistent').catch((error: unknown) => error))).toBe('ENOENT');
    expect(errnoOf(new AppError('INTERNAL', 'x', { hint: 'y' }))).toBeUndefined();
    expect(errnoOf(Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' }))).toBeUndefined();
    for (const value of [undefined, null, 'ENOENT', { code: 'ENOENT', syscall: 'open' }]) {
      expect(errnoOf(value)).toBeUndefined();
    }
  });
});

describe('toAppError', () => {
  it('passes an AppError on', () => {
    const error = new AppError('EMPTY_BODY', 'x', { hint: 'y' });
    expect(toAppError(error)).toBe(error);
  });

  it.each(['ENOSPC', 'EDQUOT', 'EFBIG'])('calls %s STORAGE_FULL', (errno) => {
    const error = toAppError(systemError(errno));
    expect(error).toMatchObject({ code: 'STORAGE_FULL', statusCode: 507 });
    expect(error.cause).toMatchObject({ code: errno });
  });

  it('calls a full database STORAGE_FULL', () => {
    expect(toAppError(sqliteFull())).toMatchObject({ code: 'STORAGE_FULL', statusCode: 507 });
  });

  it.each(['EIO', 'EROFS', 'EACCES', 'EMFILE'])('calls %s STORAGE_FAILED and names it', (errno) => {
    const error = toAppError(systemError(errno));
    expect(error).toMatchObject({ code: 'STORAGE_FAILED', statusCode: 500 });
    expect(error.message).toContain(errno);
  });

  it.each([
    new Error('secret: /srv/repo/state/records.sqlite'),
    new TypeError('x is undefined'),
    'a text',
    undefined,
    null,
    { code: 'ENOSPC' },
  ])('calls anything else (%s) INTERNAL and keeps what it says from the client', (thrown) => {
    const error = toAppError(thrown);
    expect(error).toMatchObject({ code: 'INTERNAL', statusCode: 500 });
    expect(errorLine(error) + JSON.stringify(problemOf(error, 'id'))).not.toContain('secret');
  });
});

describe('an error in an answer', () => {
  const error = new AppError('PACKAGE_CONFLICT', `stored\n${HOSTILE}`, {
    hint: 'raise\nthe release',
    cause: new Error('cause'),
    details: { storedSha256: 'ab' },
  });

  it('is one printable line', () => {
    const line = errorLine(error);
    expect(line).toMatch(/^ERROR PACKAGE_CONFLICT: [^\n]* \([^\n]*\)\n$/);
    expect(printable(line.slice(0, -1))).toBe(line.slice(0, -1));
  });

  it('is a problem document with code, hint, request id and the details', () => {
    expect(problemOf(error, 'request-1')).toEqual({
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: error.message,
      code: 'PACKAGE_CONFLICT',
      hint: 'raise\nthe release',
      requestId: 'request-1',
      storedSha256: 'ab',
    });
  });

  it('has a title for every status', () => {
    for (const code of CODES) {
      expect(problemOf(new AppError(code, 'x', { hint: 'y' }), 'id')['title']).toEqual(expect.any(String));
    }
  });
});
