import { describe, expect, it } from 'vitest';
import { matchesAnyGlob } from '../src/repository-globs.ts';

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
});
