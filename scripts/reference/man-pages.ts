import { type Command, COMMANDS, ENVIRONMENT } from '../../src/cli/commands.ts';
import { formatExitCodes, formatFlag, usage } from '../../src/cli/help.ts';
import { VERSION } from '../../src/base/version.ts';
import { listConfigOptions } from './config-options.ts';

const FILES = new Map([
  ['/etc/rpmyard/config.yml', 'The configuration of the service that a system package installs.'],
  ['/srv/repo/storage', 'The repositories.'],
  ['/srv/repo/state', 'Records and signing keys: part of a backup.'],
  ['/srv/repo/spool', 'Where nginx spools uploads.'],
]);

/** rpmyard(1) in roff, man(7). */
export function renderCommandPage(): string {
  const blocks = Object.entries<Command>(COMMANDS).flatMap(([name, command]) => commandBlocks(name, command));
  return page('RPMYARD', 1, [
    ...section('NAME', ['rpmyard \\- RPM repository upload and indexing service']),
    ...section('SYNOPSIS', ['.B rpmyard', '.I command', '[options]']),
    ...section('DESCRIPTION', [
      text(
        'Rpmyard receives RPM packages over HTTP, sorts them into repositories and keeps their index current. Hosts install from them with dnf, yum or zypper.',
      ),
    ]),
    '.SH COMMANDS',
    ...blocks,
    ...section('ENVIRONMENT', Object.entries(ENVIRONMENT).flatMap(definition)),
    ...section('FILES', [...FILES].flatMap(definition)),
    ...section('EXIT STATUS', [
      text('0 done, 1 failed, 2 wrong usage, 3 nothing to work on; each command says what that means.'),
    ]),
    ...section('SEE ALSO', [
      `.BR rpmyard.yml (5),`,
      '.BR dnf (8),',
      '.BR createrepo_c (8),',
      '.BR nginx (8)',
    ]),
  ]);
}

/** rpmyard.yml(5), the configuration file, in roff. */
export function renderConfigPage(): string {
  const options = listConfigOptions();
  const sections = [...new Set(options.map(({ section: name }) => name))];
  return page('RPMYARD.YML', 5, [
    ...section('NAME', ['rpmyard.yml \\- configuration of rpmyard']),
    ...section('DESCRIPTION', [
      text(
        'A YAML file of sections with options. What is left out has its default; unknown names are errors. "rpmyard check-config" names everything that is wrong. The service that a system package installs reads /etc/rpmyard/config.yml.',
      ),
    ]),
    ...sections.flatMap((name) => [
      `.SH ${text(name).toUpperCase()}`,
      ...options
        .filter((option) => option.section === name)
        .flatMap(({ key, text: meaning, type, defaultValue }) => [
          '.TP',
          `.B ${text(`${name}.${key}`)}`,
          text(meaning),
          '.br',
          text(`${capitalized(type)}. Default: ${defaultValue}`),
        ]),
    ]),
    ...section('SEE ALSO', ['.BR rpmyard (1)']),
  ]);
}

function commandBlocks(name: string, command: Command): readonly string[] {
  const options = Object.entries(command.options).flatMap(([long, { short, value, text: meaning }]) => [
    '.TP',
    `.BR ${namesOf(long, short).join(' ", " ')}${value === undefined ? '' : ` " ${value}"`}`,
    text(meaning),
  ]);
  return [
    `.SS ${text([name, command.synopsis].join(' ').trimEnd())}`,
    `.B ${text(usage(name, command).join(' '))}`,
    ...command.description.flatMap((paragraph) => ['.PP', text(paragraph)]),
    ...options,
    '.PP',
    text(`Exit status ${formatExitCodes(command)}.`),
  ];
}

function namesOf(long: string, short: string | undefined): readonly string[] {
  return [...(short === undefined ? [] : [short]), long].map((name) => text(formatFlag(name)));
}

function page(name: string, number: number, lines: readonly string[]): string {
  return `${[`.TH ${name} ${number} "" "rpmyard ${VERSION}"`, '.ad l', '.nh', ...lines].join('\n')}\n`;
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return [`.SH ${title}`, ...lines];
}

function definition([name, meaning]: readonly [string, string]): readonly string[] {
  return ['.TP', `.I ${text(name)}`, text(meaning)];
}

/**
 * Text as roff takes it literally: a dash that can be typed, and no line that looks like a request. A long regular expression
 * may be broken behind a `|`.
 */
function text(content: string): string {
  const escaped = content.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('|', '|\\:');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

function capitalized(content: string): string {
  return content.charAt(0).toUpperCase() + content.slice(1);
}
