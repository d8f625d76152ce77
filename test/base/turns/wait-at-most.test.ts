import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { waitAtMost } from '../../../src/base/turns/wait-at-most.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const lateWord = (): string => 'late';

test('what ends in time is the answer, and leaves no timer behind', async () => {
  expect(await waitAtMost(1000, Promise.resolve('done'), lateWord)).toBe('done');
  await expect(waitAtMost(1000, Promise.reject(new Error('failed')), lateWord)).rejects.toThrow('failed');
  expect(vi.getTimerCount()).toBe(0);
});

test('when the time is up the other answer is given, and a later failure is dropped', async () => {
  const underWay = Promise.withResolvers<string>();
  const answer = waitAtMost(1000, underWay.promise, lateWord);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await answer).toBe('late');
  underWay.reject(new Error('failed'));
});

test('what is thrown for a late answer is thrown', async () => {
  const answer = waitAtMost(1000, new Promise(() => undefined), () => {
    throw new Error('too late');
  });
  await Promise.all([expect(answer).rejects.toThrow('too late'), vi.advanceTimersByTimeAsync(1000)]);
});
