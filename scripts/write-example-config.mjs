// Renders config.example.yml from the schema.
import { writeFileSync } from 'node:fs';
import { renderExampleConfig } from '../src/config/example.ts';

writeFileSync(new URL('../config.example.yml', import.meta.url), renderExampleConfig());
