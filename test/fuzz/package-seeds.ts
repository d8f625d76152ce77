import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { craftRpm } from '../support/craft-rpm.ts';
import { FOREIGN_PACKAGES } from '../support/foreign-packages.ts';

/** Larger ones are mostly payload, which is not changed. */
const MAX_SEED_BYTES = 64 * 1024;

/** Packages of many packagers to begin with: those that are made here, and the small ones of RPMYARD_CORPUS when it is set. */
export function packageSeeds(): readonly Buffer[] {
  return [...Object.values(FOREIGN_PACKAGES).map((spec) => craftRpm(spec)), ...corpusSeeds()];
}

function corpusSeeds(): readonly Buffer[] {
  const dir = process.env['RPMYARD_CORPUS'];
  if (!dir) return [];
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.rpm') && !name.startsWith('crafted/'))
    .toSorted()
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).size <= MAX_SEED_BYTES)
    .map((path) => readFileSync(path));
}
