import type { Reporter, TestModule } from 'vitest/node';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ABILITIES, isMissing } from './lacks.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A test that skipped itself. */
export interface SkippedTest {
  /** Path of its file. */
  readonly file: string;
  readonly title: string;
}

/** Says at the end of a run what was not tested for want of what, and what docs/security.md promises on that. */
export class SkippedTestsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map(({ fullName }) => ({
        file: relative(ROOT, module.moduleId),
        title: fullName,
      })),
    );
    const security = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');
    for (const line of describeSkipped(skipped, security, findMissing())) process.stdout.write(`${line}\n`);
  }
}

/** The words of titles for what this machine lacks, and what gives it. */
function findMissing(): ReadonlyMap<string, string> {
  const missing = Object.entries(ABILITIES).filter(([, ability]) => isMissing(ability, false));
  return new Map(missing.map(([name, { needs }]) => [name, needs]));
}

/**
 * The lines of the report; none when nothing was skipped for want of anything.
 * @param missing the word of the titles (`(needs strace)`) -> what gives it.
 */
export function describeSkipped(
  skipped: readonly SkippedTest[],
  security: string,
  missing: ReadonlyMap<string, string>,
): readonly string[] {
  const lines = [...missing].flatMap(([name, needs]) => {
    const tests = skipped.filter(({ title }) => needsOf(title).includes(name));
    if (tests.length === 0) return [];
    const files = [...new Set(tests.map(({ file }) => file))].toSorted();
    const promises = promisesOn(files, security);
    return [
      `   ${tests.length} tests need ${name}: ${needs}`,
      ...files.map((file) => `     ${file}`),
      ...promises.map((promise) => `     promised in docs/security.md: ${promise}`),
    ];
  });
  return lines.length === 0 ? [] : ['', ' Not tested on this machine:', ...lines, ''];
}

/** `(needs the corpus and rpm)`; a group of tests may need one thing and a test in it another. */
export function needsOf(title: string): readonly string[] {
  return [...title.matchAll(/\(needs (?<names>[^)]+)\)/g)].flatMap(
    ({ groups }) => groups?.['names']?.split(' and ') ?? [],
  );
}

/** The first cells of the rows that say that these tests show something. */
function promisesOn(files: readonly string[], security: string): readonly string[] {
  const rows = security.split('\n').filter((line) => line.startsWith('| '));
  return rows
    .filter((row) => files.some((file) => row.includes(`\`${file}\``)))
    .map((row) => row.split(' | ')[0]?.slice('| '.length) ?? '');
}
