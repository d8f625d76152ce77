import { FOUND_DIR, writeInput } from './corpus-folder.ts';
import type { FuzzReport } from './run-fuzzer.ts';
import type { TargetName } from './targets.ts';

/** Keeps the input of a finding where test/fuzz/replay.test.ts runs it from now on, and says what is to be known of it. */
export function explainFinding(
  target: TargetName,
  { input, reason }: NonNullable<FuzzReport['finding']>,
): string {
  const path = writeInput(FOUND_DIR, target, input);
  return `${target}: ${reason}\ninput (${input.length} bytes): ${path}\nbase64: ${input.toString('base64')}`;
}
