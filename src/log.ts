import { type DestinationStream, pino, type Logger } from 'pino';
import { printable } from './errors.ts';
import { fitForJournal, journalEntry } from './systemd/journal.ts';

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
      output.write(
        options.name === 'syslog' ? journalEntry(levelOf(line), fitForJournal(text)) : `${text}\n`,
      );
    },
  };
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

function levelOf(line: string): string {
  const level = Number(/^\{"level":(?<level>\d+)/.exec(line)?.groups?.['level']);
  return pino.levels.labels[level] ?? 'info';
}
