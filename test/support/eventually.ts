import { vi } from 'vitest';

const LIMIT_MS = 60_000;
const POLL_MS = 20;

/** Repeats a check until it passes, for what happens soon after an answer; fails with its last error. */
export async function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: LIMIT_MS, interval: POLL_MS });
}
