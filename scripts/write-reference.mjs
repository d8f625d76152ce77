// Renders what is written down once, in the schema and in the table of commands, into the files that a checkout has.
import { writeFileSync } from 'node:fs';
import { renderExampleConfig } from '../src/base/config/example.ts';
import { renderCommands, renderConfiguration } from './reference/markdown.ts';

const FILES = {
  'config.example.yml': renderExampleConfig(),
  'docs/commands.md': renderCommands(),
  'docs/configuration.md': renderConfiguration(),
};

for (const [path, content] of Object.entries(FILES))
  writeFileSync(new URL(`../${path}`, import.meta.url), content);
