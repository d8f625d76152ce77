import { afterEach, describe, expect, it, vi } from 'vitest';
import { fstatSync } from 'node:fs';
import { journalLine } from '../../src/cli/error-lines.ts';
import { AppError } from '../../src/errors.ts';
import { createLog } from '../../src/base/log.ts';
import { isJournal } from '../../src/base/systemd/journal.ts';

/** What is written to a stream of the process meanwhile. */
function captured(stream: 'stdout' | 'stderr'): () => string {
  const write = vi.spyOn(process[stream], 'write').mockReturnValue(true);
  return () => write.mock.calls.map(([text]) => String(text)).join('');
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
});

describe('the log', () => {
  it('has the stack of a fault once, that of its innermost cause', () => {
    const text = captured('stdout');
    const log = createLog({ name: 'stdout', level: 'info' });
    const cause = new Error('the disk is gone');
    const fault = new AppError('INDEX_FAILED', 'no index', { hint: 'Look.', cause });
    log.error({ err: fault }, 'index run failed');
    log.error({ err: new AppError('INDEX_FAILED', 'told to a client', { hint: 'Look.', cause: fault }) });
    const [first, second] = text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).err);
    expect(first).toMatchObject({ code: 'INDEX_FAILED', message: 'no index: the disk is gone' });
    expect(first.stack).toBe(cause.stack);
    expect(second).toMatchObject({ message: 'told to a client: no index: the disk is gone' });
    expect(second).not.toHaveProperty('stack');
  });

  it('is one JSON object a line, with an ISO time', () => {
    const text = captured('stdout');
    const log = createLog({ name: 'stdout', level: 'info' });
    log.info({ repository: '9/x86_64' }, 'index published');
    log.warn('two\nlines');
    const lines = text().trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    const [first, second] = lines.map((line) => JSON.parse(line));
    expect(first).toMatchObject({ level: 30, repository: '9/x86_64', msg: 'index published' });
    expect(first.time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(second).toMatchObject({ level: 40, msg: 'two\nlines' });
  });

  it('goes to standard error when asked to', () => {
    const [out, err] = [captured('stdout'), captured('stderr')];
    createLog({ name: 'stderr', level: 'info' }).info('x');
    expect(out()).toBe('');
    expect(JSON.parse(err())).toMatchObject({ msg: 'x' });
  });

  it('leaves out what is below its level', () => {
    const text = captured('stdout');
    const log = createLog({ name: 'stdout', level: 'error' });
    log.warn('no');
    log.error('yes');
    expect(text()).toContain('yes');
    expect(text()).not.toContain('"no"');
  });

  it.each([
    ['fatal', 2],
    ['error', 3],
    ['warn', 4],
    ['info', 6],
    ['debug', 7],
    ['trace', 7],
  ] as const)('begins a line of level %s with the syslog priority <%i>', (level, priority) => {
    const text = captured('stdout');
    createLog({ name: 'syslog', level: 'trace' })[level]('x');
    expect(text()).toMatch(new RegExp(`^<${priority}>\\{.*\\}\\n$`));
  });

  it('shows no character that a terminal could act on, and loses none', () => {
    const text = captured('stdout');
    const hostile = 'a\u001b[2J\u009b31m\u0085\u202e\u2066\u200e\u061c\u2028\u007f\nb';
    createLog({ name: 'stdout', level: 'info' }).info({ nevra: hostile }, hostile);
    const line = text().slice(0, -1);
    // oxlint-disable-next-line no-control-regex -- finding them is the purpose
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Bidi_Control}/u);
    expect(JSON.parse(line)).toMatchObject({ nevra: hostile, msg: hostile });
  });

  it('says the type, message, code and stack of an error, and its cause', () => {
    const text = captured('stdout');
    const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    createLog({ name: 'stdout', level: 'info' }).error({ err: new Error('outer', { cause }) }, 'failed');
    const { err } = JSON.parse(text());
    expect(err).toMatchObject({ type: 'Error', message: expect.stringContaining('outer') });
    expect(JSON.stringify(err)).toContain('no space');
    expect(err.stack).toContain('log.test.ts');
  });

  const hostile: readonly (readonly [string, object])[] = [
    ['one long text', { err: { message: 'x', stderr: '\u202e€'.repeat(100_000) } }],
    ['many texts', { files: Array.from({ length: 10_000 }, (_, index) => `file ${index}`) }],
    ['a cause with a long text', { err: new Error('x', { cause: new Error('"'.repeat(100_000)) }) }],
  ];
  it.each(
    hostile.flatMap(([what, fields]) =>
      (['stdout', 'syslog'] as const).map((name) => [what, name, fields] as const),
    ),
  )('has no line of more than 16,000 bytes: %s, for %s', (_, name, fields) => {
    const text = captured('stdout');
    createLog({ name, level: 'info' }).error({ ...fields, code: 'INDEX_FAILED' }, 'index run failed');
    expect(Buffer.byteLength(text())).toBeLessThan(16_005);
    const begin = name === 'syslog' ? '<3>' : '';
    expect(text().slice(0, begin.length)).toBe(begin);
    expect(JSON.parse(text().slice(begin.length))).toMatchObject({
      level: 50,
      code: 'INDEX_FAILED',
      msg: 'index run failed',
    });
  });
});

describe('an error that ends a command under systemd', () => {
  it('is one line of level err, whatever it has to say', () => {
    const error = new AppError('CONFIG_INVALID', 'config.yml is wrong', {
      hint: 'Correct it.',
      details: { problems: ['server.port: must be <= 65535', 'bad indentation\n 1 | a\n-----^'] },
    });
    expect(journalLine('rpmyard serve', error)).toBe(
      String.raw`<3>rpmyard serve: CONFIG_INVALID: config.yml is wrong | server.port: must be <= 65535 | bad indentation\u000a 1 | a\u000a-----^ | Correct it.` +
        '\n',
    );
  });

  it('is told apart by where standard error leads to', () => {
    const { dev, ino } = fstatSync(2);
    expect(isJournal(2, { JOURNAL_STREAM: `${dev}:${ino}` })).toBe(true);
    expect(isJournal(2, { JOURNAL_STREAM: `${dev}:${ino + 1}` })).toBe(false);
    expect(isJournal(2, {})).toBe(false);
  });
});
