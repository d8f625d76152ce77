import { type Command, COMMANDS, ENVIRONMENT } from '../../src/cli/commands.ts';
import { formatExitCodes, formatFlag, usage } from '../../src/cli/help.ts';
import { listConfigOptions } from './config-options.ts';

/** docs/commands.md. */
export function renderCommands(): string {
  const commands = Object.entries<Command>(COMMANDS).map(([name, command]) => {
    const options = Object.entries(command.options).map(([long, { short, value, text }]) => {
      const flag = `${short === undefined ? '' : `${formatFlag(short)}, `}${formatFlag(long, value)}`;
      return `| \`${flag}\` | ${cell(text)} |`;
    });
    return [
      `## ${name}`,
      `\`${usage(name, command).join(' ')}\``,
      ...command.description.map(plain),
      ...(options.length === 0 ? [] : [['| option | |', '| --- | --- |', ...options].join('\n')]),
      `Exit code ${formatExitCodes(command)}.`,
    ].join('\n\n');
  });
  const variables = Object.entries(ENVIRONMENT).map(([name, meaning]) => `* \`${name}\`: ${meaning}`);
  return `# Commands\n\nThis page is for administrators and packagers: every command of \`rpmyard\` with its options and exit codes.\n\n${commands.join('\n\n')}\n\nExit code 2 is wrong usage.\n\n## Environment\n\n${variables.join('\n')}\n`;
}

/** docs/configuration.md. */
export function renderConfiguration(): string {
  const options = listConfigOptions();
  const sections = [...new Set(options.map(({ section }) => section))].map((name) => {
    const rows = options
      .filter(({ section }) => section === name)
      .map(
        ({ key, text, type, defaultValue }) =>
          `| \`${key}\` | ${cell(text)} | ${type} | \`${escapeBars(defaultValue)}\` |`,
      );
    return `## ${name}\n\n| option | meaning | type | default |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Configuration\n\nThis page is for administrators: every option of the configuration, a YAML file of sections with options. An option that the file\nleaves out has its default. \`config.example.yml\` has all options, and \`rpmyard check-config FILE\` names everything that is wrong\nwith a file.\n\n${sections.join('\n')}`;
}

/** Text of a table's cell: in it a bar would begin the next one. */
function cell(content: string): string {
  return escapeBars(plain(content));
}

function escapeBars(content: string): string {
  return content.replaceAll('|', '\\|');
}

/** Angle brackets would be HTML. */
function plain(content: string): string {
  return content.replaceAll('<', '&lt;').replaceAll('*', '\\*');
}
