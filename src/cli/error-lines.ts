import { type AppError, printable } from '../errors.ts';
import { journalEntry } from '../base/systemd/journal.ts';

/** An error of this program, or one that a service answered, whose code may be newer than this program. */
interface ToldError {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An error as a command prints it: code and detail, every problem, and what to do. */
export function errorLines(subject: string, error: ToldError): string {
  return `${printable(subject)}: ${error.code}: ${error.message}\n${problemLines(error)}  ${error.hint}\n`;
}

/** The same for journald: in one line, since each line is an entry of its own there, with the level that is due. */
export function journalLine(subject: string, error: AppError): string {
  const { problems = [] } = error.details;
  const parts = [error.message, ...(Array.isArray(problems) ? problems.map(String) : []), error.hint];
  return journalEntry('error', `${subject}: ${error.code}: ${parts.join(' | ')}`);
}

function problemLines({ details }: ToldError): string {
  const problems = details?.['problems'];
  return Array.isArray(problems)
    ? problems.map((problem) => `  - ${indented(String(problem))}\n`).join('')
    : '';
}

/** A YAML parser's message has several lines, with a piece of the file in them. */
function indented(problem: string): string {
  return problem.split('\n').map(printable).join('\n    ');
}
