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
      const prefix = options.name === 'syslog' ? syslogPrefix(line) : '';
      // JSON escapes control characters only; escaped, what could turn or hide text on a terminal means the same.
      output.write(`${prefix}${printable(line.trimEnd())}\n`);
    },
  };
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

function syslogPrefix(line: string): string {
  const level = Number(/^\{"level":(?<level>\d+)/.exec(line)?.groups?.['level'] ?? 30);
  return `<${SYSLOG_PRIORITY.get(level) ?? 6}>`;
}
