import { describe, expect, it } from 'vitest';
import {
  explainDependencyDefect,
  findExpressionProblem,
  MAX_NESTING,
  MAX_SPACES,
} from '../../../src/rpm/rpm-parser/dependency-defect.ts';
import { parseRpm } from '../../../src/rpm/rpm-parser/parse-rpm.ts';
import { tagName } from '../../../src/rpm/rpm-parser/tag.ts';
import { DEPENDENCY_TAGS } from '../../../src/rpm/rpm-parser/dependency-list.ts';
import { craftRpm, type CraftSpec, DEPENDENCY_KINDS } from '../../support/craft-rpm.ts';

const nested = (depth: number): string => `${'('.repeat(depth)}a${')'.repeat(depth)}`;
const chained = (spaces: number): string => `(${'a or '.repeat(spaces / 2)}a)`;

function defectOf(spec: CraftSpec) {
  const bytes = craftRpm(spec);
  return parseRpm(bytes, bytes.length).dependencyDefect;
}

describe('a boolean dependency', () => {
  it('may nest and be as long as the limits say, and no more', () => {
    expect(findExpressionProblem(nested(MAX_NESTING))).toBeUndefined();
    expect(findExpressionProblem(nested(MAX_NESTING + 1))).toBe('nested-too-deep');
    expect(findExpressionProblem(chained(MAX_SPACES))).toBeUndefined();
    expect(findExpressionProblem(chained(MAX_SPACES + 2))).toBe('too-many-words');
  });

  it.each([
    ['nested on the right', `${'(a or '.repeat(65)}b${')'.repeat(65)}`],
    ['nested on the left', `${'('.repeat(65)}a${' and b)'.repeat(65)}`],
    ['that never closes', '('.repeat(65)],
    ['with characters whose numbers end as that of ")" does', `(${'\u0129('.repeat(65)}`],
  ])('%s is counted', (_, expression) => {
    expect(findExpressionProblem(expression)).toBe('nested-too-deep');
  });

  it('may have hundreds of operands in parentheses of their own, and names with parentheses', () => {
    const operands = Array.from(
      { length: 300 },
      (_, index) => `(perl(A${index}) >= 1 with perl(A${index}) < 2)`,
    );
    expect(findExpressionProblem(`(${operands.join(' or ')})`)).toBeUndefined();
  });
});

describe('the dependency defect of a package', () => {
  it.each(DEPENDENCY_KINDS)('is found in its %s', (kind) => {
    const dependencies = { [kind]: [{ name: '(a if b)' }, { name: nested(100) }] };
    const tag = tagName('main', DEPENDENCY_TAGS[kind].name);
    expect(defectOf({ dependencies })).toMatchObject({ tag, index: 1, problem: 'nested-too-deep' });
  });

  it('is found in a name that becomes a provide', () => {
    expect(defectOf({ name: nested(100), hasRegion: false })).toMatchObject({ tag: 'NAME' });
  });

  it('is none in names that do not begin with a parenthesis, which hosts take as they are', () => {
    expect(defectOf({ dependencies: { requires: [{ name: `a${nested(1000)}` }] } })).toBeUndefined();
  });

  it('is explained with the beginning of the dependency, in printable characters', () => {
    const name = `(\u00e9${nested(1000)}`;
    const defect = defectOf({ dependencies: { requires: [{ name }] } });
    expect(defect && explainDependencyDefect(defect)).toMatch(/^REQUIRENAME \(entry 0\) .* "\(\?\?\({37}"$/);
  });

  it('is found at once among hundreds of huge ones, and not looked for again', () => {
    const requires = Array.from({ length: 300 }, () => ({ name: nested(50_000) }));
    expect(defectOf({ dependencies: { requires } })).toMatchObject({ index: 0 });
  });
});
