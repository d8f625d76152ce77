import { fstatSync } from 'node:fs';
import { printable } from '../../errors.ts';

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
