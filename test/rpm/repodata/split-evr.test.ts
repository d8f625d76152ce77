import { describe, expect, it } from 'vitest';
import { comparisonName, hasBadEpoch, splitEvr } from '../../../src/rpm/repodata/split-evr.ts';

describe('the version of a dependency', () => {
  it.each([
    ['', '', '', ''],
    ['1', '0', '1', ''],
    ['1.0-1.el9', '0', '1.0', '1.el9'],
    ['2:1.0-1', '2', '1.0', '1'],
    [':1', '0', '1', ''],
    ['1-2-3', '0', '1', '2-3'],
    ['1:2:3-4', '1', '2:3', '4'],
    ['1-', '0', '1', ''],
    ['-1', '0', '', '1'],
    ['1-2:3', '1-2', '3', ''],
  ])('%j is split at the first colon and the first dash after it', (evr, epoch, version, release) => {
    expect(splitEvr(evr)).toEqual({ epoch, version, release });
  });

  it.each([
    ['1:2', false],
    ['2', false],
    [':2', false],
    [' +7:2', false],
    ['x:2', true],
    ['1-2:3', true],
    [' :2', true],
    ['1 :2', true],
  ])('%j: its epoch is bad: %s', (evr, isBad) => {
    expect(hasBadEpoch(evr)).toBe(isBad);
  });
});

describe('the comparison of a dependency', () => {
  it.each([
    [0, undefined],
    [2, 'LT'],
    [4, 'GT'],
    [6, undefined],
    [8, 'EQ'],
    [10, 'LE'],
    [12, 'GE'],
    [14, undefined],
    [0xfffffff8, 'EQ'],
    [(1 << 24) | 12, 'GE'],
  ])('of sense bits %d is %s', (flags, name) => {
    expect(comparisonName(flags)).toBe(name);
  });
});
