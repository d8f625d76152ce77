import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Command, COMMANDS, isCommandName } from '../src/cli/commands.ts';

const ROOT = new URL('../', import.meta.url);
const DOCUMENTS = [
  'README.md',
  ...readdirSync(new URL('docs/', ROOT))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'nginx/README.md',
  'selinux/README.md',
  'src/cli/commands.ts',
  'src/base/config/schema.ts',
];

/** What code in a text types: `rpmyard verify --read-data` in a block, between backticks or quotes. */
const COMMAND = /(?:^|[`"(/ ])rpmyard (?<name>[a-z][a-z-]*)(?<rest>[^`"\n#|]*)/gm;

it.each(DOCUMENTS)('%s names only commands and options that exist', (path) => {
  const text = readFileSync(new URL(path, ROOT), 'utf8');
  for (const code of path.endsWith('.md') ? codeOf(text) : [...text.matchAll(/"[^"]*"/g)].map(String)) {
    for (const { groups: { name = '', rest = '' } = {} } of code.matchAll(COMMAND)) {
      expect(isCommandName(name), `rpmyard ${name}`).toBe(true);
      if (!isCommandName(name)) continue;
      const { options }: Command = COMMANDS[name];
      for (const [, long = ''] of rest.matchAll(/ --(?<long>[a-z-]+)/g)) {
        expect([...Object.keys(options), 'help'], `rpmyard ${name} --${long}`).toContain(long);
      }
    }
  }
});

/** Fenced blocks and code spans. */
function codeOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^```[a-z]*\n(?<block>.*?)^```|`(?<span>[^`\n]+)`/gms)].map(
    ({ groups }) => groups?.['block'] ?? `\`${groups?.['span']}\``,
  );
}
