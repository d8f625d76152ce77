import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startWatchdog, takeWatchdogMs } from '../../../src/base/systemd/watchdog.ts';

const PID = 4711;

describe('the time in which systemd wants to hear of the service', () => {
  it.each([
    [60_000, { WATCHDOG_USEC: '60000000', WATCHDOG_PID: '4711' }],
    [60_000, { WATCHDOG_USEC: '60000000' }],
    [undefined, { WATCHDOG_USEC: '60000000', WATCHDOG_PID: '4710' }],
    [undefined, { WATCHDOG_USEC: '0', WATCHDOG_PID: '4711' }],
    [undefined, { WATCHDOG_USEC: 'soon', WATCHDOG_PID: '4711' }],
    [undefined, {}],
  ])('is %s ms with %j', (watchdogMs, env) => {
    expect(takeWatchdogMs({ ...env }, PID)).toBe(watchdogMs);
  });

  it('is no business of a child', () => {
    const env = { WATCHDOG_USEC: '60000000', WATCHDOG_PID: '4711', PATH: '/bin' };
    takeWatchdogMs(env, PID);
    expect(env).toEqual({ PATH: '/bin' });
  });
});

describe('the watchdog', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is heard of at once and four times in its time, so that two lost messages do no harm', () => {
    const ping = vi.fn<() => void>();
    const end = startWatchdog(60_000, ping);
    expect(ping).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(60_000);
    expect(ping).toHaveBeenCalledTimes(5);
    end();
    vi.advanceTimersByTime(60_000);
    expect(ping).toHaveBeenCalledTimes(5);
  });

  it('is left alone when systemd has none', () => {
    const ping = vi.fn<() => void>();
    startWatchdog(undefined, ping)();
    vi.advanceTimersByTime(60_000);
    expect(ping).not.toHaveBeenCalled();
  });
});
