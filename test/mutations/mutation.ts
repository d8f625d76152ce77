/** A fault to plant in the source, which a test is to notice. */
export interface Mutation {
  /** Path of the source file. */
  readonly file: string;
  /** What the file then does wrong. */
  readonly fault: string;
  /** As it stands in the file, where it occurs once. */
  readonly text: string;
  readonly replacement: string;
  /** Paths of the test files of which one must fail. */
  readonly tests: readonly string[];
  /** Why no test needs to notice it. */
  readonly acceptedBecause?: string;
}

/** The source with the fault in it. @throws Error when the text does not occur exactly once. */
export function plantFault(source: string, { file, fault, text, replacement }: Mutation): string {
  const pieces = source.split(text);
  if (pieces.length === 2) return pieces.join(replacement);
  throw new Error(`${file}: "${fault}" has ${pieces.length - 1} places, expected 1:\n${text}`);
}
