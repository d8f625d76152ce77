import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CORPUS_DIR, readInputs, readPackages, writeInput } from './corpus-folder.ts';
import type { ReachedCounters } from './coverage-map.ts';
import { coverageOfFolders } from './coverage-of-folders.ts';
import { explainFinding } from './explain-finding.ts';
import { runFuzzer } from './run-fuzzer.ts';
import { TARGET_NAMES, type TargetName } from './targets.ts';

const USAGE = `usage: npm run fuzz -- [--minutes N] [--target NAME] [--seed N] [--keep]

Changes inputs for hours, guided by what they reach in src/rpm-parser, src/repodata and src/unpack, on one core.

  --minutes N    for all targets together (30)
  --target NAME  only this one: ${TARGET_NAMES.join(', ')}
  --seed N       the same inputs again; by default another one each time, which is printed
  --keep         test/fuzz/corpus becomes the smallest inputs that reach all that this run reached

The packages in RPMYARD_CORPUS are changed too when it is set; --keep is then refused, for they are other people's.
A finding ends its target: its input goes to test/fuzz/found, where every run of the tests tries it again. The exit
status is 1 when there was one.`;

/** Of one input: the corpus is part of the repository. */
const MAX_KEPT_BYTES = 4096;

interface Options {
  readonly targets: readonly TargetName[];
  readonly minutes: number;
  readonly seed: number;
  readonly keeps: boolean;
}

const options = readOptions();
if (options === undefined) console.log(USAGE);
else await fuzzAll(options);

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      target: { type: 'string' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const targets = TARGET_NAMES.filter((name) => values.target === undefined || values.target === name);
  if (targets.length === 0) throw new Error(`--target: expected one of ${TARGET_NAMES.join(', ')}`);
  if (values.keep && readPackages().length > 0)
    throw new Error('--keep: expected RPMYARD_CORPUS not to be set');
  return { targets, minutes: Number(values.minutes), seed: Number(values.seed), keeps: values.keep };
}

async function fuzzAll({ targets, minutes, seed, keeps }: Options): Promise<void> {
  console.log(`seed ${seed}`);
  const reached: ReachedCounters[] = [];
  for (const target of targets) {
    const start = Date.now();
    const grown: Buffer[] = [];
    const corpus = [...readInputs(CORPUS_DIR, target), ...(target === 'rpm-file' ? readPackages() : [])];
    const untilMs = start + (minutes * 60_000) / targets.length;
    const job = { target, seed, corpus, maxExecutions: Number.POSITIVE_INFINITY, untilMs };
    const report = await runFuzzer(job, (input) => grown.push(input));
    reached.push(report.reached);
    const seconds = (Date.now() - start) / 1000;
    const rate = Math.round(report.executions / seconds);
    console.log(
      `${target}: ${report.executions} executions in ${Math.round(seconds)} s (${rate}/s), corpus ${report.corpusSize}`,
    );
    if (report.finding !== undefined) {
      console.error(explainFinding(target, report.finding));
      process.exitCode = 1;
    } else if (keeps) await keepSmallest(target, grown);
  }
  for (const { folder, reached: some, all } of coverageOfFolders(reached)) {
    const percent = ((100 * some) / all).toFixed(1);
    console.log(`src/${folder}: ${some} of ${all} statements, functions and branches reached (${percent} %)`);
  }
}

/** Smallest first, so that of two inputs that reach the same the smaller one stays. */
async function keepSmallest(target: TargetName, inputs: readonly Buffer[]): Promise<void> {
  const corpus = inputs
    .filter(({ length }) => length <= MAX_KEPT_BYTES)
    .toSorted((a, b) => a.length - b.length);
  const kept: Buffer[] = [];
  const job = { target, seed: 0, corpus, isFrugal: true, maxExecutions: 0, untilMs: 0 };
  await runFuzzer(job, (input) => kept.push(input));
  rmSync(join(CORPUS_DIR, target), { recursive: true, force: true });
  for (const input of kept) writeInput(CORPUS_DIR, target, input);
  console.log(`${target}: kept ${kept.length} of ${inputs.length} inputs`);
}
