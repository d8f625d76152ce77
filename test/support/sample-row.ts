import { isLongRun } from './is-long-run.ts';

/** Any prime: rows of different names begin at different places. */
const HASH_FACTOR = 31;
const HASH_END = 2 ** 31;

export interface RowSample {
  /** Sets the row apart from others of the same length. */
  readonly name: string;
  /** One of so many is taken. */
  readonly every: number;
}

/**
 * What a test does of a long row, such as the calls at which it kills: all of it in a long run, otherwise one of so many from
 * one on that the seed of the run decides, so that runs one after the other come by all.
 * @throws Error for a seed that is no whole number, which would take nothing.
 */
export function sampleRow<Value>(row: readonly Value[], { name, every }: RowSample): readonly Value[] {
  if (isLongRun) return row;
  const seed = Number(process.env['RPMYARD_SEED']);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error('expected a whole number in RPMYARD_SEED');
  const first = (seed + hashOf(name)) % every;
  return row.filter((_, index) => index % every === first);
}

function hashOf(text: string): number {
  return Buffer.from(text).reduce((hash, byte) => (hash * HASH_FACTOR + byte) % HASH_END, 0);
}
