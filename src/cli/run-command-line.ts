import { AppError, printable } from '../errors.ts';
import { isJournal } from '../systemd/journal.ts';
import { VERSION } from '../version.ts';
import { type CommandName, COMMANDS, isCommandName } from './commands.ts';
import { errorLines, journalLine } from './error-lines.ts';
import { commandHelp, generalHelp } from './help.ts';

/** Runs one command: takes its arguments, gives the exit code. */
type Run = (args: readonly string[]) => Promise<number>;

// Loaded when asked for: without the service's parts the small commands start in half the time.
const RUN: Readonly<Record<CommandName, () => Promise<Run>>> = {
  serve: async () => (await import('./serve.ts')).serve,
  adopt: async () => (await import('./adopt.ts')).adopt,
  'check-config': async () => (await import('./check-config.ts')).checkConfig,
  reindex: async () => (await import('./reindex.ts')).reindex,
  verify: async () => (await import('./verify.ts')).verify,
  token: async () => (await import('./token.ts')).token,
  key: async () => (await import('./key.ts')).key,
  inspect: async () => (await import('./inspect-files.ts')).inspectFiles,
  push: async () => (await import('./push.ts')).push,
};

const EXIT_USAGE = 2;

/** Runs `rpmyard <command> ...`. Exit codes: 0 done, 1 failed, 2 wrong usage. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  // What is to be secret gets its mode where it is made; everything else is for the users of the repositories.
  process.umask(0o022);
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') return say(generalHelp());
  if (name === '--version') return say(`rpmyard ${VERSION}\n`);
  if (name === undefined || !isCommandName(name)) {
    process.stderr.write(
      `${name === undefined ? '' : `rpmyard: there is no command "${printable(name)}"\n\n`}${generalHelp()}`,
    );
    return EXIT_USAGE;
  }
  if (rest.includes('--help') || rest.includes('-h')) return say(commandHelp(name, COMMANDS[name]));
  try {
    const run = await RUN[name]();
    return await run(rest);
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
    const toText = isJournal(process.stderr.fd, process.env) ? journalLine : errorLines;
    process.stderr.write(toText(`rpmyard ${name}`, error));
    return error.code === 'PARAMETER_INVALID' ? EXIT_USAGE : 1;
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(
      `rpmyard ${name}: ${printable(error.message)}\n  "rpmyard ${name} --help" shows its options.\n`,
    );
    return EXIT_USAGE;
  }
  throw error;
}
