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

const USES = DOCUMENTS.flatMap(usesIn);

it('many pages name commands, and options of them', () => {
  expect(new Set(USES.map(({ path }) => path)).size).toBeGreaterThan(10);
  expect(USES.filter(({ options }) => options.length > 0).length).toBeGreaterThan(20);
});

it.each(USES)('$path names only what exists: rpmyard $name $options', ({ name, options }) => {
  const command: Command | undefined = isCommandName(name) ? COMMANDS[name] : undefined;
  expect([...Object.keys(command?.options ?? {}), 'help']).toEqual(expect.arrayContaining([...options]));
  expect(command).toBeDefined();
});

interface Use {
  readonly path: string;
  readonly name: string;
  readonly options: readonly string[];
}

/** Each command that a document names, with the long options that follow it. */
function usesIn(path: string): readonly Use[] {
  const text = readFileSync(new URL(path, ROOT), 'utf8');
  const codes = path.endsWith('.md') ? codeOf(text) : [...text.matchAll(/"[^"]*"/g)].map(String);
  return codes
    .flatMap((code) => [...code.matchAll(COMMAND)])
    .map(({ groups: { name = '', rest = '' } = {} }) => ({
      path,
      name,
      options: [...rest.matchAll(/ --(?<long>[a-z-]+)/g)].map(([, long = '']) => long),
    }));
}

/** Fenced blocks and code spans. */
function codeOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^```[a-z]*\n(?<block>.*?)^```|`(?<span>[^`\n]+)`/gms)].map(
    ({ groups }) => groups?.['block'] ?? `\`${groups?.['span']}\``,
  );
}
