import { fstatSync } from 'node:fs';
import { printable } from '../errors.ts';

/** syslog's priority of each level of the log. */
const PRIORITY = new Map([
  ['trace', 7],
  ['debug', 7],
  ['info', 6],
  ['warn', 4],
  ['error', 3],
  ['fatal', 2],
]);
const INFO = 6;

// journald takes 48 KiB for a line (LineMax=) and makes another, without a level, of what is longer.
const MAX_LINE_BYTES = 40_000;
const MAX_SHORTENED_CHARS = 2_000;

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

/**
 * One entry of the journal with its level: a line that begins with the priority, `<6>`.
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html
 */
export function journalEntry(level: string, text: string): string {
  return `<${PRIORITY.get(level) ?? INFO}>${printable(text)}\n`;
}

/** A line of the log, a JSON object, cut down until journald takes it as one entry. */
export function fitForJournal(line: string): string {
  if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return line;
  const shortened = printable(JSON.stringify(JSON.parse(line), shortenText));
  if (Buffer.byteLength(shortened) <= MAX_LINE_BYTES) return shortened;
  const { level, time, code, hint, msg } = JSON.parse(shortened);
  return JSON.stringify({ level, time, code, hint, msg, shortened: true });
}

function shortenText(_key: string, value: unknown): unknown {
  const isLong = typeof value === 'string' && value.length > MAX_SHORTENED_CHARS;
  return isLong ? `${value.slice(0, MAX_SHORTENED_CHARS)}... (${value.length} characters)` : value;
}
