import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { renderCompletion } from '../../scripts/reference/bash-completion.ts';
import { listConfigOptions } from '../../scripts/reference/config-options.ts';
import { renderCommandPage, renderConfigPage } from '../../scripts/reference/man-pages.ts';
import { renderCommands, renderConfiguration } from '../../scripts/reference/markdown.ts';
import { type Command, COMMANDS } from '../../src/cli/commands.ts';
import { commandHelp } from '../../src/cli/help.ts';
import { createTempDir } from '../support/temp-dir.ts';

const ROOT = new URL('../../', import.meta.url);
const commands = Object.entries<Command>(COMMANDS);

function flagsOf({ options }: Command): readonly string[] {
  return Object.keys(options).map((long) => `--${long}`);
}

/** The page as `man` shows it, on one line of single blanks. */
async function rendered(page: string): Promise<string> {
  const { stdout, stderr } = await execa('groff', ['-man', '-ww', '-Tascii', '-P-cbou'], { input: page });
  expect(stderr).toBe('');
  return stdout.replaceAll(/\s+/g, ' ');
}

describe('docs/', () => {
  it.each([
    ['docs/commands.md', renderCommands],
    ['docs/configuration.md', renderConfiguration],
  ])('%s is what is rendered (npm run reference)', async (path, render) => {
    expect(await readFile(new URL(path, ROOT), 'utf8')).toBe(render());
  });
});

describe('rpmyard <command> --help', () => {
  it.each(commands)('%s fits a terminal of 80 columns and names every option', (name, command) => {
    const [help = ''] = commandHelp(name, command).split('\nThe nginx configuration');
    for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    for (const flag of flagsOf(command)) expect(help).toMatch(new RegExp(`^ {2}.*${flag}\\b`, 'm'));
  });
});

describe('the man pages', () => {
  it('rpmyard(1) is good roff and has every command with its options and what help says of it', async () => {
    const page = await rendered(renderCommandPage());
    for (const [name, command] of commands) {
      expect(page).toContain(`rpmyard ${name}`);
      for (const paragraph of command.description) expect(page).toContain(paragraph);
      for (const [long, { text }] of Object.entries(command.options)) {
        expect(page).toContain(`--${long}`);
        expect(page).toContain(text);
      }
    }
  });

  it('rpmyard.yml(5) is good roff and has every option of the schema with its text and default', async () => {
    const page = await rendered(renderConfigPage());
    const options = listConfigOptions();
    expect(options.length).toBeGreaterThan(30);
    for (const { section, key, text, defaultValue } of options) {
      expect(page).toContain(`${section}.${key}`);
      expect(page).toContain(text);
      // Where a regular expression is broken there is a blank.
      expect(page.replaceAll(' ', '')).toContain(`Default:${defaultValue.replaceAll(' ', '')}`);
    }
  });
});

describe('the completion, in a real bash', () => {
  async function complete(...words: readonly string[]): Promise<readonly string[]> {
    await using dir = await createTempDir();
    const script = join(dir.path, 'rpmyard');
    await writeFile(script, renderCompletion());
    for (const file of ['one.rpm', 'two.txt', 'config.yml']) await writeFile(join(dir.path, file), '');
    const ask =
      'compopt() { :; }; source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rpmyard; printf "%s\\n" "${COMPREPLY[@]}"';
    const { stdout } = await execa('bash', ['-uc', ask, script, 'rpmyard', ...words], { cwd: dir.path });
    return stdout.split('\n').filter((line) => line !== '');
  }

  it('offers every command', async () => {
    expect(new Set(await complete(''))).toEqual(new Set([...Object.keys(COMMANDS), '--help', '--version']));
    expect(await complete('ver')).toEqual(['verify']);
  });

  it.each(commands)('of %s offers its options', async (name, command) => {
    expect(new Set(await complete(name, '--'))).toEqual(new Set([...flagsOf(command), '--help']));
  });

  it('offers the words and files that may follow a command, and files for --config', async () => {
    expect(await complete('token', '')).toEqual(['new']);
    expect(await complete('key', '')).toEqual(['init']);
    expect(await complete('inspect', '')).toEqual(['one.rpm']);
    expect(await complete('check-config', '')).toEqual(['config.yml']);
    expect(await complete('verify', '-c', 'con')).toEqual(['config.yml']);
    expect(await complete('token', 'new', 'ci', '--upload', '')).toEqual([]);
    expect(await complete('unknown', '')).toEqual([]);
  });
});
