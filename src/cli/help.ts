import { fileURLToPath } from 'node:url';
import { wrap } from '../base/text/wrap-text.ts';
import { type Command, COMMANDS } from './commands.ts';

const NGINX_EXAMPLE = new URL('../../nginx/rpmyard.conf', import.meta.url);
const WIDTH = 80;

/** The text of `rpmyard --help`. */
export function generalHelp(): string {
  const usages = Object.entries(COMMANDS).map(([name, { synopsis, summary }]) => ({
    left: `${name} ${synopsis}`.trimEnd(),
    right: summary,
  }));
  return `Rpmyard receives RPM packages over HTTP, sorts them into repositories and keeps
their index current.

Usage: rpmyard <command> [options]

${columns(usages)}

"rpmyard <command> --help" says more, "rpmyard --version" which version this is.
`;
}

/** The text of `rpmyard <name> --help`. */
export function commandHelp(name: string, command: Command): string {
  const options = Object.entries(command.options).map(([long, option]) => ({
    left: `${option.short === undefined ? '    ' : `${formatFlag(option.short)}, `}${formatFlag(long, option.value)}`,
    right: option.text,
  }));
  const parts = [
    usageLine(name, command),
    ...command.description.map((paragraph) => wrap(paragraph, WIDTH).join('\n')),
    ...(options.length === 0 ? [] : [columns(options)]),
    wrap(`Exit code ${formatExitCodes(command)}, 2: wrong usage.`, WIDTH).join('\n'),
  ];
  return `${parts.join('\n\n')}\n${name === 'serve' ? nginxExample() : ''}`;
}

/** Where the file lies in this installation; the path may be longer than a line. */
function nginxExample(): string {
  return `\nThe file of a site for nginx, which includes the two beside it:\n  ${fileURLToPath(NGINX_EXAMPLE)}\n`;
}

/** `rpmyard reindex [REPO...] [--full] [-c FILE]`, an option as short as it can be written. */
export function usage(name: string, { synopsis, options }: Command): readonly string[] {
  const words = Object.entries(options).map(([long, { short, value, multiple }]) => {
    return `[${formatFlag(short ?? long, value)}]${multiple ? '...' : ''}`;
  });
  return [`rpmyard ${name}`, ...(synopsis === '' ? [] : [synopsis]), ...words];
}

/** `--config FILE`, `-c FILE`, `--full`: an option by its long or its short name, as it is typed. */
export function formatFlag(name: string, value?: string): string {
  return `${name.length === 1 ? '-' : '--'}${name}${value === undefined ? '' : ` ${value}`}`;
}

/** `0: done, 1: failed`; that 2 is wrong usage is the same for all. */
export function formatExitCodes({ exitCodes }: Command): string {
  return Object.entries(exitCodes)
    .map(([code, meaning]) => `${code}: ${meaning}`)
    .join(', ');
}

function usageLine(name: string, command: Command): string {
  const lines: string[] = ['Usage:'];
  for (const word of usage(name, command)) {
    const last = lines.at(-1) ?? '';
    if (last.length + 1 + word.length <= WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${' '.repeat(`Usage: rpmyard ${name}`.length)} ${word}`);
  }
  return lines.join('\n');
}

interface Row {
  readonly left: string;
  readonly right: string;
}

function columns(rows: readonly Row[]): string {
  const leftWidth = Math.max(...rows.map(({ left }) => left.length)) + 4;
  return rows
    .map(({ left, right }) => {
      const [first = '', ...rest] = wrap(right, WIDTH - leftWidth);
      const lines = [
        `  ${left}`.padEnd(leftWidth) + first,
        ...rest.map((line) => ' '.repeat(leftWidth) + line),
      ];
      return lines.join('\n');
    })
    .join('\n');
}
