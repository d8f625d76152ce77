import { writeFileSync } from 'node:fs';
import { renderExampleConfig } from './example.ts';

writeFileSync(new URL('../../config.example.yml', import.meta.url), renderExampleConfig());
