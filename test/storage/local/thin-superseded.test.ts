import { describe, expect, it } from 'vitest';
import { chooseRemovable } from '../../../src/storage/local/thin-superseded.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = 100 * HOUR_MS;
const RULES = { keepOldMs: 24 * HOUR_MS, keepOldBytes: 100 };

const file = (fileName: string, ageHours: number, sizeBytes: number) => ({
  fileName,
  sinceMs: NOW_MS - ageHours * HOUR_MS,
  sizeBytes,
});
const removed = (...files: readonly ReturnType<typeof file>[]) =>
  chooseRemovable(files, RULES, NOW_MS).map(({ fileName }) => fileName);

describe('superseded metadata', () => {
  it('stays for the configured hours and goes after them', () => {
    expect(removed(file('young', 23, 10), file('old', 25, 10))).toEqual(['old']);
  });

  it('goes earlier, the oldest first, while it takes more bytes than configured', () => {
    expect(removed(file('c', 2, 50), file('a', 4, 50), file('b', 3, 50))).toEqual(['a']);
  });

  it('stays for an hour however many bytes it takes', () => {
    expect(removed(file('a', 0.9, 1_000), file('b', 0.5, 1_000))).toEqual([]);
  });
});
