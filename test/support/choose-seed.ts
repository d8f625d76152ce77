import { randomInt } from 'node:crypto';
import { isLongRun } from './is-long-run.ts';

const END = 2 ** 31;

/** Runs once before all test files: chooses what a run of the tests samples, and says how it is chosen again. */
export function setup(): void {
  if (isLongRun) return;
  process.env['RPMYARD_SEED'] ??= String(randomInt(END));
  const seed = process.env['RPMYARD_SEED'];
  process.stdout.write(`sampled with seed ${seed}; the same again: RPMYARD_SEED=${seed} npm test\n`);
}
