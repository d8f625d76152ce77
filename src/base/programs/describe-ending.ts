import type { ExecaError } from 'execa';

/** What a program was held to. */
export interface ProgramLimits {
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
}

const MAX_MESSAGE_LINES = 5;

/** Whether a program was not run at all: it is not there, or this user may not run it. */
export function isNotInstalled({ code, exitCode, signal }: ExecaError): boolean {
  // With an exit code or a signal the program did run: then a file that should be read is missing.
  const hasRun = exitCode !== undefined || signal !== undefined;
  return !hasRun && (code === 'ENOENT' || code === 'EACCES');
}

/** How a program ended that was not to end so, for behind its name in a message. */
export function describeEnding(error: ExecaError, { timeoutMs, maxOutputBytes }: ProgramLimits): string {
  if (error.timedOut) return `did not finish in ${timeoutMs / 1000} s`;
  if (error.isCanceled) return 'was ended because the service is stopping';
  if (error.isMaxBuffer) return `wrote more than ${maxOutputBytes} bytes`;
  if (error.cause !== undefined) return `did not get all of its input: ${error.originalMessage}`;
  const words = lastLines(error.stderr);
  const ending =
    error.signal === undefined ? `ended with exit code ${error.exitCode}` : `was ended by ${error.signal}`;
  return words === '' ? ending : `${ending}: ${words}`;
}

/** The last that a program said, on one line. */
export function lastLines(output: unknown): string {
  return splitLines(output).slice(-MAX_MESSAGE_LINES).join(' | ');
}

/** The lines of a program's output that are not empty. */
export function splitLines(output: unknown): readonly string[] {
  return typeof output === 'string' ? output.split('\n').filter((line) => line !== '') : [];
}
