import { expect, it } from 'vitest';
import { CORPUS_DIR, readInputs } from './corpus-folder.ts';
import { explainFinding } from './explain-finding.ts';
import { runFuzzer } from './run-fuzzer.ts';
import { TARGET_NAMES, type TargetName } from './targets.ts';

// The same inputs each time; another seed would make a failure a matter of chance. For chance there is `npm run fuzz`.
const SEED = 1;

// Some four seconds each on one core.
const EXECUTIONS = {
  'rpm-file': 8000,
  'rendered-package': 3500,
  'package-metadata': 4000,
  repomd: 20_000,
  unpacked: 4000,
} as const satisfies Readonly<Record<TargetName, number>>;

// A slow machine ends earlier instead of keeping the whole run waiting.
const LIMIT_MS = 15_000;

it.each(TARGET_NAMES)('no changed input breaks what is promised of %s', async (target) => {
  const corpus = readInputs(CORPUS_DIR, target);
  const { finding, executions, corpusSize } = await runFuzzer({
    target,
    seed: SEED,
    corpus,
    maxExecutions: EXECUTIONS[target],
    untilMs: Date.now() + LIMIT_MS,
  });
  expect(finding && explainFinding(target, finding)).toBeUndefined();
  expect(executions).toBeGreaterThan(corpus.length);
  expect(corpusSize).toBeGreaterThan(1);
});
