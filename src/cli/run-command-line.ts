import { AppError } from '../errors.ts';
import { checkConfig } from './check-config.ts';
import { COMMAND_HELP, GENERAL_HELP } from './help.ts';
import { inspectFiles } from './inspect-files.ts';
import { serve } from './serve.ts';

/** One command: takes its arguments, gives the exit code. */
type Command = (args: readonly string[]) => Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['serve', serve],
  ['check-config', checkConfig],
  ['inspect', inspectFiles],
]);

const EXIT_USAGE = 2;

/** Runs `rpmyard <command> ...`. Exit codes: 0 done, 1 failed, 2 wrong usage. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') return say(GENERAL_HELP);
  const command = COMMANDS.get(name ?? '');
  if (name === undefined || command === undefined) {
    process.stderr.write(
      `${name === undefined ? '' : `rpmyard: there is no command "${name}"\n\n`}${GENERAL_HELP}`,
    );
    return EXIT_USAGE;
  }
  if (rest.includes('--help') || rest.includes('-h')) return say(COMMAND_HELP.get(name) ?? GENERAL_HELP);
  try {
    return await command(rest);
  } catch (error) {
    return report(name, error);
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function report(name: string, error: unknown): number {
  if (error instanceof AppError) {
    process.stderr.write(
      `rpmyard ${name}: ${error.code}: ${error.message}\n${problemLines(error)}  ${error.hint}\n`,
    );
    return 1;
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(
      `rpmyard ${name}: ${error.message}\n  "rpmyard ${name} --help" shows its options.\n`,
    );
    return EXIT_USAGE;
  }
  throw error;
}

function problemLines({ details }: AppError): string {
  const problems = details['problems'];
  return Array.isArray(problems) ? problems.map((problem) => `  - ${problem}\n`).join('') : '';
}
