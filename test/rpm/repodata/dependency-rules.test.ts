import { describe, expect, it } from 'vitest';
import { sortDependencies } from '../../../src/rpm/repodata/dependency-rules.ts';
import type {
  DescribedDependencies,
  DescribedDependency,
} from '../../../src/rpm/repodata/described-package.ts';
import { dependency, describedPackage } from '../../support/described-package.ts';

const EQUAL = 8;
const GREATER_EQUAL = 12;
const MISSING_OK = 1 << 19;
const STRONG = 1 << 27;

const sort = (dependencies: Partial<DescribedDependencies>, primaryPaths: readonly string[] = []) =>
  sortDependencies(describedPackage({ dependencies }).dependencies, new Set(primaryPaths));

const namesOf = (list: readonly DescribedDependency[]): readonly string[] => list.map(({ name }) => name);

const requiredNames = (...requires: readonly DescribedDependency[]): readonly string[] =>
  namesOf(sort({ requires }).requires);

describe('the requires of a package', () => {
  it('lack those of rpm on itself', () => {
    expect(
      requiredNames(dependency('rpmlib(CompressedFileNames)', 10, '3.0.4-1'), dependency('rpmlib')),
    ).toEqual(['rpmlib']);
  });

  it('lack what the package provides with the same comparison and version', () => {
    const provides = [dependency('config(a)', EQUAL, '1-1')];
    const requires = [
      dependency('config(a)', EQUAL, '1-1'),
      dependency('config(a)', GREATER_EQUAL, '1-1'),
      dependency('config(a)', EQUAL, '1-2'),
    ];
    expect(sort({ provides, requires }).requires).toEqual(requires.slice(1));
  });

  it('keep one whose name, comparison and version only run together like those of a provide', () => {
    const provides = [dependency('a', EQUAL, '1')];
    expect(namesOf(sort({ provides, requires: [dependency('aEQ1')] }).requires)).toEqual(['aEQ1']);
  });

  it("lack the package's own files that primary names", () => {
    const requires = [dependency('/usr/bin/own'), dependency('/usr/bin/other'), dependency('bin/own')];
    const names = namesOf(sort({ requires }, ['/usr/bin/own', 'bin/own']).requires);
    expect(names).toEqual(['/usr/bin/other', 'bin/own']);
  });

  it('lack what repeats the one before it of the same name', () => {
    const [plain, pre, newer] = [
      dependency('a'),
      dependency('a', 0, '', true),
      dependency('a', GREATER_EQUAL, '2'),
    ];
    expect(sort({ requires: [plain, plain, pre, pre, newer, newer] }).requires).toEqual([plain, pre, newer]);
    expect(sort({ requires: [plain, newer, plain] }).requires).toEqual([plain, newer, plain]);
  });

  it('have only the newest C library, at the end', () => {
    const libc = (version: string): DescribedDependency => dependency(`libc.so.6(${version})(64bit)`);
    expect(
      requiredNames(libc('GLIBC_2.4'), libc('GLIBC_2.34'), dependency('z'), libc('GLIBC_2.5'), libc('')),
    ).toEqual(['z', 'libc.so.6(GLIBC_2.34)(64bit)']);
  });

  it('lose those that may be missing to the recommends', () => {
    const requires = [dependency('a', MISSING_OK), dependency('libc.so.6(X_1)', MISSING_OK), dependency('b')];
    const lists = sort({ requires, recommends: [dependency('c')] });
    expect(namesOf(lists.requires)).toEqual(['b']);
    expect(namesOf(lists.recommends)).toEqual(['a', 'libc.so.6(X_1)', 'c']);
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty'])('may be named %s', (name) => {
    expect(requiredNames(dependency(name), dependency(name))).toEqual([name]);
  });
});

describe('the weak dependencies of old packages', () => {
  it('come after those of today, the strong ones under another kind', () => {
    const lists = sort({
      suggests: [dependency('s')],
      enhances: [dependency('e')],
      recommends: [dependency('r')],
      supplements: [dependency('u')],
      oldSuggests: [dependency('weak'), dependency('strong', STRONG)],
      oldEnhances: [dependency('weak'), dependency('strong', STRONG)],
    });
    expect(namesOf(lists.suggests)).toEqual(['s', 'weak']);
    expect(namesOf(lists.recommends)).toEqual(['r', 'strong']);
    expect(namesOf(lists.enhances)).toEqual(['e', 'weak']);
    expect(namesOf(lists.supplements)).toEqual(['u', 'strong']);
  });
});

describe('a dependency whose epoch is no number', () => {
  it('is left out of every kind', () => {
    const list = [dependency('bad', EQUAL, 'x:1'), dependency('good', EQUAL, ' +1:2')];
    const lists = sort({ provides: list, requires: [], conflicts: list, suggests: list, oldEnhances: list });
    expect([lists.provides, lists.conflicts, lists.suggests, lists.enhances].map(namesOf)).toEqual(
      Array.from({ length: 4 }, () => ['good']),
    );
  });
});
