import { type DestinationStream, pino, type Logger } from 'pino';
import { cutText, printable } from '../errors.ts';
import { journalEntry } from './systemd/journal.ts';

// Text from a client can come into errors and their stacks. journald takes 48 KiB for a line (LineMax=) and makes
// another line, without a level, of the rest.
const MAX_LINE_BYTES = 16_000;
const MAX_TEXT_BYTES = 2_000;
const FRAME = /\n {4}at /;

/** Writes one JSON object a line. It logs no header of a request, so it can log no secret. */
export function createLog(options: {
  readonly name: 'stdout' | 'stderr' | 'syslog';
  readonly level: string;
}): Logger {
  const output = options.name === 'stderr' ? process.stderr : process.stdout;
  // A full disk or a reader that is gone costs lines of the log, and never stops the service.
  output.on('error', () => undefined);
  const destination: DestinationStream = {
    write: (line) => {
      // JSON escapes only control characters. Characters that could turn or hide text on a terminal mean the same when
      // they are escaped.
      const text = shorten(printable(line.trimEnd()));
      output.write(options.name === 'syslog' ? journalEntry(readLevel(line), text) : `${text}\n`);
    },
  };
  const serializers = { err: createErrorSerializer() };
  return pino(
    { level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers },
    destination,
  );
}

/**
 * An error with the stack of its cause, which shows where it happened; the stacks of the errors that wrap it say no
 * more. A second line about the same fault, such as that of a client that waited for it, has no stack.
 */
function createErrorSerializer(): (error: unknown) => unknown {
  const written = new WeakSet<Error>();
  return (error) => {
    if (!(error instanceof Error)) return error;
    const cause = findRoot(error);
    const isKnown = written.has(cause);
    written.add(cause);
    const { stack: _, ...facts } = pino.stdSerializers.err(error);
    return isKnown ? facts : { ...facts, stack: cause.stack };
  };
}

/** The innermost cause that has a stack: errors of the file system may have none. */
function findRoot(error: Error): Error {
  const { cause } = error;
  if (!(cause instanceof Error)) return error;
  const root = findRoot(cause);
  return FRAME.test(root.stack ?? '') ? root : error;
}

function readLevel(line: string): string {
  const level = Number(/^\{"level":(?<level>\d+)/.exec(line)?.groups?.['level']);
  return pino.levels.labels[level] ?? 'info';
}

/** Cuts its long texts, or leaves out all fields but those that lead to the rest. */
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
