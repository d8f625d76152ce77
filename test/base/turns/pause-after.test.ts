import { expect, test } from 'vitest';
import { pauseAfter } from '../../../src/base/turns/pause-after.ts';

test('each failure has its pause, and the last pause repeats', () => {
  expect([1, 2, 3, 4].map((failures) => pauseAfter(failures, [5, 15, 60]))).toEqual([5, 15, 60, 60]);
});
