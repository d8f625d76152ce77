import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode, toAppError } from '../../src/errors.ts';
import { createErrorLog } from '../../src/http/error-log.ts';

const INFO = 30;
const ERROR = 50;

/** What is logged when `count` errors of each code come at each moment. */
function logAt(
  momentsMs: readonly number[],
  count: number,
  codes: readonly ErrorCode[],
): readonly Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'info', base: null }, { write: (line) => void lines.push(JSON.parse(line)) });
  let nowMs = 0;
  const logError = createErrorLog(() => nowMs);
  for (nowMs of momentsMs)
    for (let logged = 0; logged < count; logged += 1)
      for (const code of codes) logError(log, new AppError(code, 'x', { hint: 'y' }), { part: 'a.rpm' });
  return lines;
}

describe('errors that requests meet', () => {
  it('are a line each: a refusal without a stack, a fault with its cause', () => {
    const lines = logAt([0], 1, ['NOT_FOUND', 'STORAGE_FULL']);
    expect(lines).toEqual([
      { level: INFO, time: expect.any(Number), code: 'NOT_FOUND', msg: 'x', part: 'a.rpm' },
      expect.objectContaining({ level: ERROR, code: 'STORAGE_FULL', msg: 'x', part: 'a.rpm' }),
    ]);
    expect(lines[1]).toMatchObject({ err: { code: 'STORAGE_FULL', stack: expect.any(String) } });
  });

  it('fill the log neither as refusals nor as faults, and a flood of one fault hides no other', () => {
    const lines = logAt([0], 5_000, ['NOT_FOUND', 'RIGHT_MISSING', 'STORAGE_FULL', 'INTERNAL']);
    const counts = Map.groupBy(lines, ({ level, code }) => (level === INFO ? 'refusals' : code));
    expect([...counts].map(([what, { length }]) => [what, length])).toEqual([
      ['refusals', 500],
      ['STORAGE_FULL', 100],
      ['INTERNAL', 100],
    ]);
  });

  it('say how many were left out before them', () => {
    const lines = logAt([0, 10_000], 1_000, ['STORAGE_FULL']);
    expect(lines).toHaveLength(101);
    expect(lines.at(-2)).not.toHaveProperty('notLogged');
    expect(lines.at(-1)).toMatchObject({ notLogged: 900 });
  });

  it('keep the cause of what was not expected', () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
    createErrorLog(() => 0)(log, toAppError(new Error('the disk is on fire')));
    expect(lines.join('')).toContain('the disk is on fire');
  });
});
