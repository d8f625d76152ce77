import { describe, expect, it } from 'vitest';
import {
  countOpenBytes,
  type PackageGroup,
} from '../../../../src/indexing/engines/incremental/package-group.ts';
import {
  GROUP_BYTES,
  readLocation,
  type NewPackage,
  type Piece,
  planGroups,
  type PlanStep,
  stepBytes,
} from '../../../../src/indexing/engines/incremental/plan-groups.ts';
import { indexedPackage, packageGroup } from '../../../support/index-groups.ts';
import { createRandom, type Random } from '../../../support/random.ts';

const ROUNDS = 2_000;

const location = (number: number): string => `Packages/${String(number).padStart(5, '0')}.rpm`;
const added = (...numbers: readonly number[]): readonly NewPackage[] =>
  numbers.map((number) => ({ location: location(number), sha256: undefined }));

/** A group of packages of these numbers, of equal size, so many bytes together. */
function group(bytes: number, ...numbers: readonly number[]): PackageGroup {
  const each = Math.floor(bytes / numbers.length);
  return packageGroup(numbers.map((number) => indexedPackage(location(number), each)));
}

function reusedBy(plan: readonly PlanStep[]): readonly PackageGroup[] {
  return plan.flatMap((step) => ('reuse' in step ? [step.reuse] : []));
}

function piecesOf(plan: readonly PlanStep[]): readonly Piece[] {
  return plan.flatMap((step) => ('reuse' in step ? [] : step.rebuild));
}

function locationsOf(plan: readonly PlanStep[]): readonly string[] {
  return plan.flatMap((step) =>
    'reuse' in step ? step.reuse.packages.map((one) => one.location) : step.rebuild.map(readLocation),
  );
}

interface Situation {
  readonly groups: readonly PackageGroup[];
  readonly removed: ReadonlySet<string>;
  readonly added: readonly NewPackage[];
}

/** Any groups; what is removed and added lies at their borders, between them, before and after all. */
function randomSituation(random: Random): Situation {
  const density = random.next();
  const numbers = Array.from({ length: random.below(80) }, (_, number) => number).filter(
    () => random.next() < density,
  );
  const groups: PackageGroup[] = [];
  for (let rest = numbers; rest.length > 0; ) {
    const length = 1 + random.below(Math.min(rest.length, 12));
    const bytes = random.pick([100, GROUP_BYTES / 4, GROUP_BYTES / 2, GROUP_BYTES, 5 * GROUP_BYTES]);
    groups.push(group(bytes, ...rest.slice(0, length)));
    rest = rest.slice(length);
  }
  const removedShare = random.pick([0, 0, 0.05, 0.5, 1]);
  const removed = new Set(numbers.filter(() => random.next() < removedShare).map(location));
  const addedShare = random.pick([0, 0, 0.05, 0.5]);
  const isIndexed = new Set(numbers.map(location));
  const all = Array.from({ length: 90 }, (_, number) => number).filter(() => random.next() < addedShare);
  // Also one that is described anew: in the index, removed and added.
  const isAdded = (number: number): boolean =>
    !isIndexed.has(location(number)) || removed.has(location(number));
  return { groups, removed, added: added(...all.filter(isAdded)) };
}

/** A new package belongs to the group in whose range it lies: up to the next one's first location. */
function isTouched({ groups, removed, added }: Situation, one: PackageGroup, index: number): boolean {
  const start = index === 0 ? '' : (one.packages[0]?.location ?? '');
  const end = groups[index + 1]?.packages[0]?.location ?? '\uffff';
  const comes = added.some(({ location }) => location >= start && location < end);
  return comes || one.packages.some(({ location }) => removed.has(location));
}

describe('any change of any index', () => {
  it('becomes steps that hold each package that stays or comes exactly once, in order of location', () => {
    const random = createRandom(20_260_101);
    for (let round = 0; round < ROUNDS; round += 1) {
      const situation = randomSituation(random);
      const kept = situation.groups
        .flatMap(({ packages }) => packages.map((one) => one.location))
        .filter((one) => !situation.removed.has(one));
      const expected = [...kept, ...situation.added.map((one) => one.location)].toSorted();
      const plan = planGroups({ ...situation, format: 'gzip' });
      expect([round, locationsOf(plan)]).toEqual([round, expected]);
      // What is described anew comes from its file, everything else from the group that has its text.
      const isNew = new Set(situation.added.map((one) => one.location));
      for (const piece of piecesOf(plan)) expect('package' in piece).toBe(isNew.has(readLocation(piece)));
    }
  });

  it('leaves every group as it is that nothing touches and that no small neighbour may join', () => {
    const random = createRandom(7);
    let untouchedCount = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const situation = randomSituation(random);
      const reused = new Set(reusedBy(planGroups({ ...situation, format: 'gzip' })));
      const touched = situation.groups.map((one, index) => isTouched(situation, one, index));
      const last = touched.length - 1;
      const isAlone = (index: number): boolean => {
        const before = situation.groups[index - 1];
        const isJoined =
          before !== undefined && (touched[index - 1] === true || countOpenBytes(before) < GROUP_BYTES);
        return touched[index] === false && !isJoined && !(index + 1 === last && touched[last] === true);
      };
      const mustStay = situation.groups.filter((_, index) => isAlone(index));
      untouchedCount += mustStay.length;
      expect([round, mustStay.filter((one) => !reused.has(one))]).toEqual([round, []]);
      const mustGo = situation.groups.filter((_, index) => touched[index] === true);
      expect([round, mustGo.filter((one) => reused.has(one))]).toEqual([round, []]);
    }
    expect(untouchedCount).toBeGreaterThan(ROUNDS / 2);
  });

  it('that is none leaves all groups as they are', () => {
    const random = createRandom(9);
    for (let round = 0; round < 100; round += 1) {
      const { groups } = randomSituation(random);
      const plan = planGroups({ groups, removed: new Set(), added: [], format: 'gzip' });
      expect(reusedBy(plan)).toEqual(groups);
      expect(plan).toHaveLength(groups.length);
    }
  });

  it('has no empty steps', () => {
    const random = createRandom(8);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const step of planGroups({ ...randomSituation(random), format: 'gzip' })) {
        expect('reuse' in step || step.rebuild.length > 0).toBe(true);
      }
    }
  });
});

describe('one more package', () => {
  const groups = [group(GROUP_BYTES, 10, 20), group(GROUP_BYTES, 30, 40), group(GROUP_BYTES, 50, 60)];
  const rebuiltBy = (number: number): readonly string[] =>
    piecesOf(planGroups({ groups, removed: new Set(), added: added(number), format: 'gzip' })).map(
      readLocation,
    );

  it.each([
    ['before all others goes into the first group', 5, [5, 10, 20]],
    ['between two groups goes to the end of the first', 25, [10, 20, 25]],
    ['inside a group goes into that group', 35, [30, 35, 40]],
    ['after all others goes into the last group', 99, [50, 60, 99]],
  ])('%s, and no other group is touched', (_, number, expected) => {
    expect(rebuiltBy(number)).toEqual(expected.map(location));
    const plan = planGroups({ groups, removed: new Set(), added: added(number), format: 'gzip' });
    expect(reusedBy(plan)).toHaveLength(2);
  });
});

describe('a group that becomes small', () => {
  const small = group(GROUP_BYTES, 1, 2, 3, 4);
  const large = group(GROUP_BYTES, 10, 20);
  const untouched = group(GROUP_BYTES, 30, 40);
  const without = (...numbers: readonly number[]): ReadonlySet<string> => new Set(numbers.map(location));

  it('is put together with the next one', () => {
    const plan = planGroups({
      groups: [small, large, untouched],
      removed: without(1, 2, 3),
      added: [],
      format: 'gzip',
    });
    expect(plan).toHaveLength(2);
    expect(piecesOf(plan).map(readLocation)).toEqual([4, 10, 20].map(location));
    expect(reusedBy(plan)).toEqual([untouched]);
  });

  it('is put together with the one before when it is the last', () => {
    const plan = planGroups({
      groups: [untouched, large, group(GROUP_BYTES, 50, 60, 70, 80)].toSorted((a, b) =>
        (a.packages[0]?.location ?? '') < (b.packages[0]?.location ?? '') ? -1 : 1,
      ),
      removed: without(50, 60, 70),
      added: [],
      format: 'gzip',
    });
    expect(reusedBy(plan)).toEqual([large]);
    expect(piecesOf(plan).map(readLocation)).toEqual([30, 40, 80].map(location));
  });

  it('stays alone when half of it or more remains', () => {
    const plan = planGroups({ groups: [small, large], removed: without(1), added: [], format: 'gzip' });
    expect(piecesOf(plan).map(readLocation)).toEqual([2, 3, 4].map(location));
    expect(reusedBy(plan)).toEqual([large]);
  });
});

describe('another format', () => {
  it.each(['zstd', 'gzip'] as const)('rebuilds every group that is not in it (%s)', (format) => {
    const inGzip = group(GROUP_BYTES, 1, 2);
    const inZstd = packageGroup([indexedPackage(location(3), GROUP_BYTES)], 'zstd');
    const plain = packageGroup([indexedPackage(location(4), GROUP_BYTES)], 'plain');
    const plan = planGroups({ groups: [inGzip, inZstd, plain], removed: new Set(), added: [], format });
    expect(reusedBy(plan)).toEqual([format === 'gzip' ? inGzip : inZstd]);
    expect(locationsOf(plan)).toEqual([1, 2, 3, 4].map(location));
  });
});

describe('many packages', () => {
  it('are divided into steps that threads can share, none of more than the limit and one package', () => {
    const numbers = Array.from({ length: 4_000 }, (_, number) => number);
    const plan = planGroups({ groups: [], removed: new Set(), added: added(...numbers), format: 'gzip' });
    expect(plan.length).toBeGreaterThan(5);
    expect(locationsOf(plan)).toEqual(numbers.map(location));
    const largest = Math.max(...plan.map(stepBytes));
    expect(largest).toBeLessThanOrEqual(9 * GROUP_BYTES);
  });

  it('of an index without groups and without anything new are no steps', () => {
    expect(planGroups({ groups: [], removed: new Set(), added: [], format: 'gzip' })).toEqual([]);
  });
});
