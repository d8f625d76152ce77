import { AppError, printable } from '../errors.ts';
import { didYouMean } from '../base/text/nearest-name.ts';
import { isJournal } from '../base/systemd/journal.ts';
import { VERSION } from '../base/version.ts';
import { type CommandName, COMMANDS, isCommandName } from './commands.ts';
import { errorLines, journalLine } from './error-lines.ts';
import { commandHelp, generalHelp } from './help.ts';

/** Runs one command: takes its arguments, gives the exit code. */
type Run = (args: readonly string[]) => Promise<number>;

// Each command is loaded only when it is called: without the service's parts the small commands start in half the time.
const RUN: Readonly<Record<CommandName, () => Promise<Run>>> = {
  serve: async () => (await import('./serve.ts')).serve,
  adopt: async () => (await import('./adopt.ts')).adopt,
  'check-config': async () => (await import('./check-config.ts')).checkConfig,
  reindex: async () => (await import('./reindex.ts')).reindex,
  verify: async () => (await import('./verify.ts')).verify,
  remove: async () => (await import('./remove.ts')).remove,
  token: async () => (await import('./token.ts')).token,
  key: async () => (await import('./key.ts')).key,
  inspect: async () => (await import('./inspect-files.ts')).inspectFiles,
  push: async () => (await import('./push.ts')).push,
};

const EXIT_USAGE = 2;
const EXIT_NO_TREE = 3;

/** Runs `rpmyard <command> ...`. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing to work on. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  // Secret files get their mode where they are made; everything else is for the users of the repositories.
  process.umask(0o022);
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') return help(rest);
  if (name === '--version') return say(`rpmyard ${VERSION}\n`);
  if (name === undefined) return complain(generalHelp());
  if (!isCommandName(name)) return complain(noCommand(name));
  if (rest.includes('--help') || rest.includes('-h')) return say(commandHelp(name, COMMANDS[name]));
  try {
    const run = await RUN[name]();
    return await run(rest);
  } catch (error) {
    return report(name, error);
  }
}

/** `rpmyard help`, and `rpmyard help serve`. */
function help([name]: readonly string[]): number {
  if (name === undefined || name.startsWith('-')) return say(generalHelp());
  return isCommandName(name) ? say(commandHelp(name, COMMANDS[name])) : complain(noCommand(name));
}

function noCommand(name: string): string {
  const names = Object.keys(COMMANDS);
  const fault = name.startsWith('-')
    ? `rpmyard: the command comes first, before ${printable(name)}`
    : `rpmyard: there is no command "${printable(name)}".${didYouMean(name, names)}`;
  return `${fault}\n  Commands: ${names.join(', ')}.\n  "rpmyard --help" says what each does.\n`;
}

function complain(text: string): number {
  process.stderr.write(text);
  return EXIT_USAGE;
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function report(name: CommandName, error: unknown): number {
  if (error instanceof AppError) {
    const toText = isJournal(process.stderr.fd, process.env) ? journalLine : errorLines;
    process.stderr.write(toText(`rpmyard ${name}`, error));
    return toExitCode(error);
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    return complain(
      `rpmyard ${name}: ${printable(usageFault(name, error.message))}\n  "rpmyard ${name} --help" shows its options.\n`,
    );
  }
  throw error;
}

function toExitCode({ code }: AppError): number {
  if (code === 'PARAMETER_INVALID') return EXIT_USAGE;
  return code === 'TREE_MISSING' ? EXIT_NO_TREE : 1;
}

/** For an unknown option Node explains how to write an argument that begins with a dash, which the user hardly meant. */
function usageFault(name: CommandName, message: string): string {
  const option = /^Unknown option '(?<option>[^']*)'/.exec(message)?.groups?.['option'];
  if (option === undefined) return message;
  const known = Object.keys(COMMANDS[name].options).map((long) => `--${long}`);
  return `there is no option ${option}.${didYouMean(option, known)}`;
}
