import { randomInt } from 'node:crypto';
import { isLongRun } from './is-long-run.ts';

const END = 2 ** 31;

/** Runs once before all test files: chooses what a run of the tests samples, and says how it is chosen again. */
export function setup(): void {
  // Given, or chosen for another project of this run.
  if (isLongRun || process.env['RPMYARD_SEED'] !== undefined) return;
  const seed = String(randomInt(END));
  process.env['RPMYARD_SEED'] = seed;
  process.stdout.write(`sampled with seed ${seed}; the same again: RPMYARD_SEED=${seed} npm test\n`);
}
