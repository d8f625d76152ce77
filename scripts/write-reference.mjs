// Renders what is written down once, in the schemas and in the tables of commands and routes, into the files that a checkout
// has.
import { readFileSync, writeFileSync } from 'node:fs';
import { renderExampleConfig } from '../src/base/config/example.ts';
import { renderCommands, renderConfiguration } from './reference/markdown.ts';
import { renderOpenapi } from './reference/openapi.ts';
import { withRouteTables } from './reference/route-tables.ts';

const FILES = {
  'config.example.yml': renderExampleConfig(),
  'docs/commands.md': renderCommands(),
  'docs/configuration.md': renderConfiguration(),
  'docs/http.md': withRouteTables(readFileSync(new URL('../docs/http.md', import.meta.url), 'utf8')),
  'openapi.json': await renderOpenapi(),
};

for (const [path, content] of Object.entries(FILES))
  writeFileSync(new URL(`../${path}`, import.meta.url), content);
