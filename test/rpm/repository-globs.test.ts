import { describe, expect, it } from 'vitest';
import { matchesAnyGlob } from '../../src/rpm/repository-globs.ts';
import { createRandom } from '../support/random.ts';

/** What a glob means, said by a regular expression that may take its time. */
function means(glob: string, name: string): boolean {
  const literals = glob.split('*').map((literal) => RegExp.escape(literal));
  return new RegExp(`^${literals.join('.*')}$`, 'u').test(name);
}

describe('repository globs', () => {
  it.each([
    ['*', '9/x86_64', true],
    ['9/*', '9/x86_64', true],
    ['9/*', '10/x86_64', false],
    ['9/*', '19/x86_64', false],
    ['*/SRPMS', '9/SRPMS', true],
    ['*/SRPMS', '9/SRPMS2', false],
    ['9/x86_64', '9/x86_64', true],
    ['9/x86.64', '9/x86_64', false],
    ['lp155*/*', 'lp155.1/x86_64', true],
    ['9/', '9/x86_64', false],
  ])('%s names %s: %s', (glob, repository, expected) => {
    expect(matchesAnyGlob([glob])(repository)).toBe(expected);
  });

  it('no globs name nothing', () => {
    expect(matchesAnyGlob([])('9/x86_64')).toBe(false);
  });

  it('name what a regular expression with .* would, whatever stands before, between and behind', () => {
    const random = createRandom(31);
    const textOf = (letters: readonly string[], length: number): string =>
      Array.from({ length: random.below(length) }, () => random.pick(letters)).join('');
    const different: string[] = [];
    let named = 0;
    for (let round = 0; round < 50_000; round += 1) {
      // Few letters, so that literals overlap and come again.
      const [glob, name] = [textOf(['a', 'b', '/', '*', '*'], 8), textOf(['a', 'b', '/'], 10)];
      const expected = means(glob, name);
      if (expected) named += 1;
      if (matchesAnyGlob([glob])(name) !== expected) different.push(`${glob} ${name}`);
    }
    expect(different).toEqual([]);
    expect(named).toBeGreaterThan(5_000);
  });

  it('are compared in a moment with a name that almost fits, however many stars they have', () => {
    const matches = matchesAnyGlob([`${'*a'.repeat(30)}*b`]);
    const startedMs = performance.now();
    for (let round = 0; round < 100; round += 1) expect(matches('a'.repeat(8_000))).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});
