import { describe, expect, it } from 'vitest';
import { PushFailure } from '../../../src/client/push-failure.ts';
import { type Attempt, type RetryRules, withRetries } from '../../../src/client/push/with-retries.ts';

const passing = new PushFailure({ code: 'STORAGE_FULL', detail: 'full', hint: 'wait', kind: 'passing' });
const refusal = new PushFailure({ code: 'RPM_MALFORMED', detail: 'bad', hint: 'no', kind: 'refusal' });

interface TestRules extends RetryRules {
  readonly pausesMs: readonly number[];
  readonly interrupt: () => void;
}

function rules(given: Partial<RetryRules> & { readonly random?: number } = {}): TestRules {
  let nowMs = 0;
  const pausesMs: number[] = [];
  const controller = new AbortController();
  return {
    clock: {
      now: () => nowMs,
      random: () => given.random ?? 1,
      pause: async (ms) => {
        nowMs += ms;
        pausesMs.push(ms);
      },
    },
    timeoutMs: 600_000,
    tellRetry: () => undefined,
    signal: controller.signal,
    ...given,
    pausesMs,
    interrupt: () => controller.abort(new Error('interrupted')),
  };
}

/** Fails so often, then gives the number of the attempt. */
function failing(times: number, failure: Error = passing) {
  return async ({ number }: Attempt): Promise<number> => {
    if (number <= times) throw failure;
    return number;
  };
}

describe('withRetries', () => {
  it('pauses 1, 2, 4, 8, 16, then 30 s each time', async () => {
    const given = rules();
    expect(await withRetries(given, failing(8))).toBe(9);
    expect(given.pausesMs).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('pauses at least half of that', async () => {
    const given = rules({ random: 0 });
    await withRetries(given, failing(3));
    expect(given.pausesMs).toEqual([500, 1000, 2000]);
  });

  it('makes its last attempt when the time is up, then gives the failure', async () => {
    const given = rules({ timeoutMs: 10_000 });
    await expect(withRetries(given, failing(100))).rejects.toBe(passing);
    expect(given.pausesMs).toEqual([1000, 2000, 4000, 3000]);
  });

  it('begins to count with the first failure, however long the attempt before it took', async () => {
    const given = rules({ timeoutMs: 10_000 });
    const run = async ({ number }: Attempt): Promise<number> => {
      if (number === 1) await given.clock.pause(60_000);
      return failing(1)({ number, noteProgress: () => undefined });
    };
    expect(await withRetries(given, run)).toBe(2);
  });

  it('begins anew, time and pauses, when something went forward', async () => {
    const given = rules({ timeoutMs: 5000 });
    const run = async ({ number, noteProgress }: Attempt): Promise<number> => {
      if (number === 3) noteProgress();
      return failing(5)({ number, noteProgress });
    };
    expect(await withRetries(given, run)).toBe(6);
    expect(given.pausesMs).toEqual([1000, 2000, 1000, 2000, 2000]);
  });

  it('has no more time than the deadline leaves, whatever went forward', async () => {
    const given = rules({ deadlineMs: 2500 });
    const run = async (attempt: Attempt): Promise<number> => {
      attempt.noteProgress();
      return failing(100)(attempt);
    };
    await expect(withRetries(given, run)).rejects.toBe(passing);
    expect(given.pausesMs).toEqual([1000, 1000, 500]);
  });

  it('tries a refusal once', async () => {
    const given = rules();
    await expect(withRetries(given, failing(1, refusal))).rejects.toBe(refusal);
    expect(given.pausesMs).toEqual([]);
  });

  it('ends with an interruption, whatever the attempt made of it', async () => {
    const given = rules();
    const run = async (): Promise<never> => {
      given.interrupt();
      throw passing;
    };
    await expect(withRetries(given, run)).rejects.toThrow('interrupted');
    expect(given.pausesMs).toEqual([]);
  });
});
