import type { Random } from '../support/random.ts';

/** One thing to fuzz: whatever bytes come, `run` ends without an error. */
export interface FuzzTarget {
  /** Throws, or rejects, when something does not hold that must. */
  readonly run: (input: Buffer) => void | Promise<void>;
  /** Inputs to begin with. */
  readonly seeds: () => readonly Buffer[];
  /** Bytes that mean something in the format. */
  readonly dictionary: readonly (string | Uint8Array)[];
  /** Changes an input within the rules of its format; undefined when this input is not to be understood. */
  readonly mutate?: (input: Buffer, random: Random) => Buffer | undefined;
}

/** A property that does not hold. */
export class PropertyError extends Error {
  override readonly name = 'PropertyError';
}

/** @throws PropertyError */
export function holds(condition: boolean, property: string): asserts condition {
  if (!condition) throw new PropertyError(property);
}
