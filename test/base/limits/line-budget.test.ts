import { describe, expect, it } from 'vitest';
import { createLineBudgets, type LineRate } from '../../../src/base/limits/line-budget.ts';

describe('a budget of lines', () => {
  const budgetsOf = (rate: LineRate, now: () => number) => createLineBudgets<string>(rate, 'leftOut', now);

  it('lets a burst through and then so many a minute, and says how many were left out', () => {
    let nowMs = 0;
    const budgets = budgetsOf({ burst: 3, perMinute: 2 }, () => nowMs);
    const takeFive = (): readonly unknown[] => [1, 2, 3, 4, 5].map(() => budgets.take('a'));
    expect(takeFive()).toEqual([{}, {}, {}, undefined, undefined]);
    nowMs += 29_999;
    expect(budgets.take('a')).toBeUndefined();
    nowMs += 1;
    expect(takeFive()).toEqual([{ leftOut: 3 }, undefined, undefined, undefined, undefined]);
    nowMs += 3_600_000;
    expect(takeFive()).toEqual([{ leftOut: 4 }, {}, {}, undefined, undefined]);
  });

  it('is one for each key', () => {
    const budgets = budgetsOf({ burst: 1, perMinute: 1 }, () => 0);
    expect(['a', 'a', 'b', 'b'].map(budgets.take)).toEqual([{}, undefined, {}, undefined]);
  });

  it('bounds what a day of a flood writes', () => {
    let nowMs = 0;
    const budgets = budgetsOf({ burst: 100, perMinute: 10 }, () => nowMs);
    let lines = 0;
    for (; nowMs < 86_400_000; nowMs += 500) if (budgets.take('a') !== undefined) lines += 1;
    expect(lines).toBeGreaterThan(14_000);
    expect(lines).toBeLessThanOrEqual(100 + 1440 * 10);
  });

  it('goes on when the clock is set back', () => {
    let nowMs = 1_000_000;
    const budgets = budgetsOf({ burst: 1, perMinute: 1 }, () => nowMs);
    expect(budgets.take('a')).toEqual({});
    nowMs = 0;
    expect(budgets.take('a')).toBeUndefined();
    nowMs = 60_000;
    expect(budgets.take('a')).toEqual({ leftOut: 1 });
  });
});
