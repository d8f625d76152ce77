import { describe, expect, it } from 'vitest';
import { compareEvr, compareVersions, parseEvr } from '../../../src/rpm/rpm-parser/evr.ts';

describe('compareVersions', () => {
  it.each([
    ['1.0', '1.1'],
    ['1.9', '1.10'],
    ['1.0', '1.0.1'],
    ['1.0~rc1', '1.0'],
    ['1.0~~', '1.0~'],
    ['1.0', '1.0^'],
    ['1.0^git1', '1.0.1'],
    ['1.0~rc1^git1', '1.0~rc1.1'],
    ['a', '1'],
    ['1.a', '1.0'],
    ['10abc', '10abc1'],
    ['2', '18446744073709551617'],
  ])('takes %s as older than %s', (older, newer) => {
    expect(compareVersions(older, newer)).toBeLessThan(0);
    expect(compareVersions(newer, older)).toBeGreaterThan(0);
  });

  it.each([
    ['1.0', '1.0'],
    ['1.0', '1_0'],
    ['1.0', '1..0.'],
    ['1.01', '1.1'],
    ['1a', '1.a'],
    ['', '...'],
  ])('sees no difference between %j and %j', (a, b) => {
    expect(compareVersions(a, b)).toBe(0);
  });
});

describe('parseEvr', () => {
  it.each([
    ['1:2.3-4', { epoch: 1, version: '2.3', release: '4' }],
    ['2.3', { epoch: undefined, version: '2.3', release: undefined }],
    [':2', { epoch: 0, version: '2', release: undefined }],
    ['a:2', { epoch: undefined, version: 'a:2', release: undefined }],
    ['1-2-3', { epoch: undefined, version: '1-2', release: '3' }],
    ['', { epoch: undefined, version: '', release: undefined }],
  ])('splits %j', (text, evr) => {
    expect(parseEvr(text)).toEqual(evr);
  });
});

describe('compareEvr', () => {
  it('compares the epoch first, then the version, then the release', () => {
    const sorted = ['1.0', '1.0-1', '1.0-2', '2.0-1', '1:0.1-1', '10:0-1'];
    expect(sorted.toReversed().toSorted((a, b) => compareEvr(parseEvr(a), parseEvr(b)))).toEqual(sorted);
  });

  it('takes no epoch as epoch 0', () => {
    expect(compareEvr(parseEvr('0:1-1'), parseEvr('1-1'))).toBe(0);
  });
});
