// npm run mutate -- [--only PART OF A PATH OR FAULT] [--jobs N]
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { createTempDir } from '../support/temp-dir.ts';
import { type Mutation, plantFault } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';

const ROOT = join(import.meta.dirname, '../..');
// A test that waits for what the fault keeps from happening has noticed it.
const TEST_LIMIT_MS = 120_000;
const RUN_LIMIT_MS = 600_000;

interface TestRun {
  readonly isGreen: boolean;
  /** The titles of the tests that failed; none when a file could not be loaded. */
  readonly failed: readonly string[];
  readonly output: string;
}

/** How a fault fared, and whether that is as it should be. */
interface Verdict {
  readonly line: string;
  readonly isRight: boolean;
}

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, jobs: { type: 'string', default: '2' } },
});
const chosen = MUTATIONS.filter(({ file, fault }) => `${file}: ${fault}`.includes(values.only));
process.exitCode = (await mutateAll(chosen, Number(values.jobs))) ? 0 : 1;

/** Plants each fault in a copy of the checkout, and says what became of it. @returns whether all is as it should be. */
async function mutateAll(mutations: readonly Mutation[], jobs: number): Promise<boolean> {
  await using temp = await createTempDir('rpmyard-mutate-');
  const copies: string[] = [];
  for (let index = 0; index < jobs; index += 1) {
    copies.push(await copyCheckout(join(temp.path, String(index))));
  }
  const [first = ''] = copies;
  const sound = await runTests(first, [...new Set(mutations.flatMap(({ tests }) => tests))]);
  if (!sound.isGreen) {
    print(`the tests fail without any fault: ${sound.failed.join('; ')}\n${sound.output}`);
    return false;
  }
  const verdicts: Verdict[] = [];
  const waiting = mutations.values();
  await Promise.all(
    copies.map(async (copy) => {
      for (const mutation of waiting) {
        const verdict = await tryMutation(copy, mutation);
        verdicts.push(verdict);
        print(verdict.line);
      }
    }),
  );
  const wrong = verdicts.filter(({ isRight }) => !isRight);
  print(`\n${verdicts.length} faults, ${wrong.length} not as they should be`);
  for (const { line } of wrong) print(line);
  return verdicts.length > 0 && wrong.length === 0;
}

/** What git knows of the checkout, as it lies here. */
async function copyCheckout(path: string): Promise<string> {
  const listing = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const { stdout } = await execa('git', listing, { cwd: ROOT });
  for (const name of stdout.split('\0').filter((one) => one !== '')) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await cp(join(ROOT, name), join(path, name));
  }
  await symlink(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  return path;
}

async function tryMutation(copy: string, mutation: Mutation): Promise<Verdict> {
  const { file, fault, tests, acceptedBecause } = mutation;
  const path = join(copy, file);
  const source = await readFile(path, 'utf8');
  await writeFile(path, plantFault(source, mutation));
  try {
    const { isGreen, failed } = await runTests(copy, tests);
    const what = `${file}: ${fault}`;
    if (isGreen && acceptedBecause !== undefined) {
      return { line: `accepted  ${what} (${acceptedBecause})`, isRight: true };
    }
    if (isGreen) return { line: `SURVIVED  ${what} (${tests.join(', ')})`, isRight: false };
    if (acceptedBecause !== undefined) {
      return { line: `KILLED    ${what}: take away why it is accepted, "${failed[0]}"`, isRight: false };
    }
    const [title] = failed;
    // It would be killed by any test, and so says nothing.
    if (title === undefined) return { line: `NO CODE   ${what}: no test could be loaded`, isRight: false };
    return { line: `killed    ${what} ("${title}")`, isRight: true };
  } finally {
    await writeFile(path, source);
  }
}

async function runTests(copy: string, tests: readonly string[]): Promise<TestRun> {
  const reportPath = join(copy, 'node-report.json');
  const options = ['--bail=1', '--maxWorkers=1', `--testTimeout=${TEST_LIMIT_MS}`];
  const report = ['--reporter=json', `--outputFile=${reportPath}`];
  const { exitCode, all, timedOut } = await execa(
    process.execPath,
    [join(copy, 'node_modules/vitest/vitest.mjs'), 'run', ...options, ...report, ...tests],
    {
      cwd: copy,
      all: true,
      reject: false,
      stdin: 'ignore',
      timeout: RUN_LIMIT_MS,
      // Real packages show nothing here that crafted ones do not.
      env: { RPMYARD_CORPUS: '' },
    },
  );
  if (exitCode === undefined && !timedOut) throw new Error(`the tests were ended from outside: ${all}`);
  if (timedOut) return { isGreen: false, failed: ['no end of the tests'], output: all };
  return { isGreen: exitCode === 0, failed: await failedIn(reportPath), output: all };
}

async function failedIn(reportPath: string): Promise<readonly string[]> {
  const report: {
    readonly testResults: readonly {
      readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
    }[];
  } = JSON.parse(await readFile(reportPath, 'utf8'));
  return report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed')
    .map(({ fullName }) => fullName);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
