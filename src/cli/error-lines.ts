import { type AppError, printable } from '../errors.ts';

/** An error as a command tells it: code and detail, every problem, and what to do. */
export function errorLines(subject: string, error: AppError): string {
  return `${printable(subject)}: ${error.code}: ${error.message}\n${problemLines(error)}  ${error.hint}\n`;
}

function problemLines({ details }: AppError): string {
  const problems = details['problems'];
  return Array.isArray(problems)
    ? problems.map((problem) => `  - ${indented(String(problem))}\n`).join('')
    : '';
}

/** What a YAML parser says has several lines, with a piece of the file in them. */
function indented(problem: string): string {
  return problem.split('\n').map(printable).join('\n    ');
}
