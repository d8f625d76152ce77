import { fstatSync } from 'node:fs';
import { printable } from './errors.ts';
import { type DestinationStream, pino, type Logger } from 'pino';

/** syslog's priority of each pino level, as journald reads it at the start of a line: `<6>`. */
const SYSLOG_PRIORITY = new Map([
  [10, 7],
  [20, 7],
  [30, 6],
  [40, 4],
  [50, 3],
  [60, 2],
]);

// journald takes 48 KiB for a line (LineMax=) and makes another, without a level, of what is longer.
const MAX_JOURNAL_BYTES = 40_000;
const MAX_SHORTENED_CHARS = 2_000;

/** One JSON object a line. No header of a request is logged, so no secret can be. */
export function createLog(options: {
  readonly name: 'stdout' | 'stderr' | 'syslog';
  readonly level: string;
}): Logger {
  const output = options.name === 'stderr' ? process.stderr : process.stdout;
  // A full disk or a reader that has gone costs lines of the log, never the service.
  output.on('error', () => undefined);
  const destination: DestinationStream = {
    write: (line) => {
      // JSON escapes control characters only; escaped, what could turn or hide text on a terminal means the same.
      const text = printable(line.trimEnd());
      output.write(options.name === 'syslog' ? `${syslogPrefix(line)}${fitForJournal(text)}\n` : `${text}\n`);
    },
  };
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

function syslogPrefix(line: string): string {
  const level = Number(/^\{"level":(?<level>\d+)/.exec(line)?.groups?.['level'] ?? 30);
  return `<${SYSLOG_PRIORITY.get(level) ?? 6}>`;
}

function fitForJournal(line: string): string {
  if (Buffer.byteLength(line) <= MAX_JOURNAL_BYTES) return line;
  const shortened = printable(JSON.stringify(JSON.parse(line), shortenText));
  if (Buffer.byteLength(shortened) <= MAX_JOURNAL_BYTES) return shortened;
  const { level, time, code, hint, msg } = JSON.parse(shortened);
  return printable(JSON.stringify({ level, time, code, hint, msg, shortened: true }));
}

function shortenText(_key: string, value: unknown): unknown {
  const isLong = typeof value === 'string' && value.length > MAX_SHORTENED_CHARS;
  return isLong ? `${value.slice(0, MAX_SHORTENED_CHARS)}... (${value.length} characters)` : value;
}

/**
 * Whether journald reads what is written to this file descriptor.
 * @see https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#$JOURNAL_STREAM
 */
export function isJournal(fd: number, env: NodeJS.ProcessEnv): boolean {
  const stream = env['JOURNAL_STREAM'];
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return stream === `${dev}:${ino}`;
}
