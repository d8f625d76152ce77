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

// JSON escapes only what is below U+0020; these could still hide or turn text on a terminal.
const UNPRINTABLE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** One JSON object a line. No header of a request is logged, so no secret can be. */
export function createLog(options: {
  readonly name: 'stdout' | 'stderr' | 'syslog';
  readonly level: string;
}): Logger {
  const output = options.name === 'stderr' ? process.stderr : process.stdout;
  const destination: DestinationStream = {
    write: (line) => {
      output.write((options.name === 'syslog' ? syslogPrefix(line) : '') + escapeUnprintable(line));
    },
  };
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/** The same JSON with every character escaped that a terminal could act on. */
export function escapeUnprintable(line: string): string {
  return line.replace(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function syslogPrefix(line: string): string {
  const level = Number(/^\{"level":(?<level>\d+)/.exec(line)?.groups?.['level'] ?? 30);
  return `<${SYSLOG_PRIORITY.get(level) ?? 6}>`;
}
