import { describe, expect, it } from 'vitest';
import { createLineBudget } from '../src/line-budget.ts';

describe('a budget of lines', () => {
  it('lets a burst through and then so many a minute, and says how many were left out', () => {
    let nowMs = 0;
    const budget = createLineBudget({ burst: 3, perMinute: 2 }, () => nowMs);
    const takeFive = (): readonly (number | undefined)[] => [1, 2, 3, 4, 5].map(() => budget.take());
    expect(takeFive()).toEqual([0, 0, 0, undefined, undefined]);
    nowMs += 29_999;
    expect(budget.take()).toBeUndefined();
    nowMs += 1;
    expect(takeFive()).toEqual([3, undefined, undefined, undefined, undefined]);
    nowMs += 3_600_000;
    expect(takeFive()).toEqual([4, 0, 0, undefined, undefined]);
  });

  it('bounds what a day of a flood writes', () => {
    let nowMs = 0;
    const budget = createLineBudget({ burst: 100, perMinute: 10 }, () => nowMs);
    let lines = 0;
    for (; nowMs < 86_400_000; nowMs += 500) if (budget.take() !== undefined) lines += 1;
    expect(lines).toBeGreaterThan(14_000);
    expect(lines).toBeLessThanOrEqual(100 + 1440 * 10);
  });

  it('goes on when the clock is set back', () => {
    let nowMs = 1_000_000;
    const budget = createLineBudget({ burst: 1, perMinute: 1 }, () => nowMs);
    expect(budget.take()).toBe(0);
    nowMs = 0;
    expect(budget.take()).toBeUndefined();
    nowMs = 60_000;
    expect(budget.take()).toBe(1);
  });
});
