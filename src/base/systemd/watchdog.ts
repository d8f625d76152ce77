// Half the time is what sd_watchdog_enabled(3) recommends; a quarter leaves room for a message that is lost (notify.ts).
const PINGS_IN_TIME = 4;

/**
 * How often systemd wants to hear of this process; undefined when it does not. Removes the variables from the
 * environment, so that no child answers the watchdog.
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd_watchdog_enabled.html
 */
export function takeWatchdogMs(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { WATCHDOG_USEC: usec = '', WATCHDOG_PID: watchedPid = String(pid) } = env;
  delete env['WATCHDOG_USEC'];
  delete env['WATCHDOG_PID'];
  if (watchedPid !== String(pid) || !/^\d{1,15}$/.test(usec) || Number(usec) === 0) return undefined;
  return Number(usec) / 1000;
}

/**
 * Pings from the event loop's own timer: an event loop that hangs misses them, and systemd ends the service.
 * @returns ends the pings.
 */
export function startWatchdog(watchdogMs: number | undefined, ping: () => void): () => void {
  if (watchdogMs === undefined) return () => undefined;
  ping();
  const timer = setInterval(ping, watchdogMs / PINGS_IN_TIME);
  return () => clearInterval(timer);
}
