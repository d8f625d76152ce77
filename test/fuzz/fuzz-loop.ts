import { createRandom } from '../support/random.ts';
import { byCount, byPresence, CoverageMap, type ReachedCounters } from './coverage-map.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { MAX_INPUT_BYTES, mutateBytes } from './mutate-bytes.ts';

export interface FuzzStart {
  readonly seed: number;
  /** Beside the target's own seeds. */
  readonly corpus: readonly Buffer[];
  /** Whether an input is kept only for what no other reached at all. */
  readonly isFrugal: boolean;
}

/** What the loop tells while it works. */
export interface LoopListener {
  /** Before each input: the parent then knows which one hangs. */
  readonly begin: (input: Buffer) => void;
  /** An input, not one of the target's own seeds, that reached something new. */
  readonly grow: (input: Buffer) => void;
  readonly isOver: (executions: number) => boolean;
}

export interface LoopResult {
  readonly executions: number;
  readonly corpusSize: number;
  readonly reached: ReachedCounters;
  /** What failed, and the error. */
  readonly failure?: { readonly input: Buffer; readonly error: unknown };
}

// Of two inputs that reach something new the later one has usually got further.
const RECENT = 16;

/**
 * Runs the target on changed inputs, and keeps those that reach something new to change them further. The same seed and
 * start give the same inputs.
 */
export async function fuzzLoop(
  target: FuzzTarget,
  start: FuzzStart,
  listener: LoopListener,
): Promise<LoopResult> {
  const random = createRandom(start.seed);
  const dictionary = target.dictionary.map((token) => Buffer.from(token));
  const coverage = new CoverageMap(start.isFrugal ? byPresence : byCount);
  const corpus: Buffer[] = [];
  let executions = 0;
  const result = (): LoopResult => ({ executions, corpusSize: corpus.length, reached: coverage.reached() });

  const isNew = async (input: Buffer): Promise<boolean> => {
    listener.begin(input);
    coverage.reset();
    executions++;
    const pending = target.run(input);
    // An await for each would cost more than many an input.
    if (pending !== undefined) await pending;
    return coverage.takeNew() > 0;
  };
  const keep = (input: Buffer): void => {
    corpus.push(input);
    listener.grow(input);
  };
  const nextInput = (): Buffer => {
    const parent =
      random.below(2) === 0 ? corpus.at(-1 - random.below(Math.min(RECENT, corpus.length))) : undefined;
    const input = parent ?? random.pick(corpus);
    const changed = random.below(2) === 0 ? target.mutate?.(input, random) : undefined;
    if (changed !== undefined && changed.length <= 4 * MAX_INPUT_BYTES) return changed;
    return mutateBytes(input, random.pick(corpus), { random, dictionary });
  };

  let input: Buffer = Buffer.alloc(0);
  try {
    for (input of target.seeds()) {
      await isNew(input);
      corpus.push(input);
    }
    for (input of start.corpus) if (await isNew(input)) keep(input);
    while (!listener.isOver(executions)) {
      input = nextInput();
      if (await isNew(input)) keep(input);
    }
    return result();
  } catch (error) {
    return { ...result(), failure: { input, error } };
  }
}
