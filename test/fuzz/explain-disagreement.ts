import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ComparisonFinding } from './compare-with-rpm.ts';
import { writeInput } from './corpus-folder.ts';

/** Outside of the repository: what is made from other people's packages is theirs. */
const FOUND_DIR = join(tmpdir(), 'rpmyard-disagreements');

/** Keeps the package where it can be looked at, and says what is to be known of it. */
export function explainDisagreement({ input, what }: ComparisonFinding): string {
  mkdirSync(FOUND_DIR, { recursive: true });
  return `${writeInput(FOUND_DIR, 'rpm-file', input)}: ${what}`;
}
