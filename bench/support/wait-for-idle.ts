import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS = 500;
const IDLE_SHARE = 0.85;

/** Waits until the processors have little else to do, but no longer than `limitMs`: builds and tests beside it distort. */
export async function waitForIdle(limitMs: number): Promise<void> {
  const deadlineMs = Date.now() + limitMs;
  while ((await idleShare()) < IDLE_SHARE && Date.now() < deadlineMs);
}

async function idleShare(): Promise<number> {
  const before = await readTicks();
  await delay(LOOK_MS);
  const after = await readTicks();
  return (after.idle - before.idle) / (after.all - before.all);
}

/** Source: proc(5), /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. */
async function readTicks(): Promise<{ readonly idle: number; readonly all: number }> {
  const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return { idle: ticks[3] ?? 0, all: ticks.reduce((sum, one) => sum + one, 0) };
}
