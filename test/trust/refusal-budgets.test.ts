import { expect, it } from 'vitest';
import { createRefusalBudgets } from '../../src/trust/refusal-budgets.ts';

it('what was done is always written, refusals of each client as long as it has room for them', () => {
  let nowMs = 0;
  const budgets = createRefusalBudgets(() => nowMs);
  for (const who of [null, 'token ci', 'drop directory']) {
    const written = Array.from({ length: 250 }, () => budgets.take(who, 'NOT_FOUND')).filter(
      (one) => one !== undefined,
    );
    expect(written).toHaveLength(200);
  }
  expect(budgets.take('token ci', 'created')).toEqual({});
  expect(budgets.take('drop directory', 'unchanged')).toEqual({});
  nowMs += 6_000;
  for (const who of [null, 'token ci', 'drop directory'])
    expect(budgets.take(who, 'RPM_MALFORMED')).toEqual({ refusalsNotWritten: 50 });
  // A client that has proven nothing cannot have done anything: what it says is no reason for a line.
  expect(budgets.take(null, 'created')).toBeUndefined();
});
