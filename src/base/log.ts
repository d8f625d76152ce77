import { type DestinationStream, pino, type Logger } from 'pino';
import { cutText, printable } from '../errors.ts';
import { journalEntry } from './systemd/journal.ts';

// What a client sends can come into errors and their stacks. journald takes 48 KiB for a line (LineMax=) and makes another,
// without a level, of what is longer.
const MAX_LINE_BYTES = 16_000;
const MAX_TEXT_BYTES = 2_000;
const FRAME = /\n {4}at /;

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
      const text = shorten(printable(line.trimEnd()));
      output.write(options.name === 'syslog' ? journalEntry(levelOf(line), text) : `${text}\n`);
    },
  };
  const serializers = { err: createErrorSerializer() };
  return pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers },
    destination,
  );
}

/**
 * An error with the stack of its cause, which is where it happened: the stacks of what it was turned into say no more. A second
 * line about the same fault, such as that of a client that waited for it, has none.
 */
function createErrorSerializer(): (error: unknown) => unknown {
  const written = new WeakSet<Error>();
  return (error) => {
    if (!(error instanceof Error)) return error;
    const cause = rootOf(error);
    const isKnown = written.has(cause);
    written.add(cause);
    const { stack: _, ...facts } = pino.stdSerializers.err(error);
    return isKnown ? facts : { ...facts, stack: cause.stack };
  };
}

/** The innermost cause that has a stack: what the file system throws may have none. */
function rootOf(error: Error): Error {
  const { cause } = error;
  if (!(cause instanceof Error)) return error;
  const root = rootOf(cause);
  return FRAME.test(root.stack ?? '') ? root : error;
}

function levelOf(line: string): string {
  const level = Number(/^\{"level":(?<level>\d+)/.exec(line)?.groups?.['level']);
  return pino.levels.labels[level] ?? 'info';
}

/** Cuts its long texts, or leaves out all that is not needed to look for the rest. */
function shorten(line: string): string {
  if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return line;
  const shortened = printable(JSON.stringify(JSON.parse(line), (_key, value: unknown) => cutIfText(value)));
  if (Buffer.byteLength(shortened) <= MAX_LINE_BYTES) return shortened;
  const { level, time, reqId, code, hint, msg } = JSON.parse(shortened);
  return printable(JSON.stringify({ level, time, reqId, code, hint, msg, shortened: true }));
}

function cutIfText(value: unknown): unknown {
  return typeof value === 'string' ? cutText(value, MAX_TEXT_BYTES) : value;
}
