// How long a start of the service takes until /readyz answers, and what it holds in memory when it is idle then: beside
// a Node that does nothing and a bare Fastify, in turns.
// Usage: npm run bench:start -- [--starts 10] [--against CHECKOUT]
// --against: the service of another checkout as well.
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { findFreePort } from '../test/support/free-port.ts';
import { createTempDir } from '../test/support/temp-dir.ts';
import { describeMachine } from './support/describe-machine.ts';
import { residentMemoryBytes } from './support/peak-memory.ts';
import { cpuSecondsOf } from './support/process-cpu.ts';
import { runMeasured } from './support/run-measured.ts';
import { startService, waitUntilReady } from './support/start-service.ts';
import { formatSpread } from './support/statistics.ts';

const MIB = 2 ** 20;
// What a start leaves behind is collected, and nothing else happens.
const IDLE_MS = 5_000;
const OURS = 'rpmyard';
const NODE = 'node -e 0';
const FASTIFY = 'bare Fastify';
const BARE_FASTIFY = fileURLToPath(new URL('support/bare-fastify.ts', import.meta.url));

interface Start {
  readonly seconds: number;
  /** Until it answered. */
  readonly cpuSeconds: number;
  /** NaN of what ends at once. */
  readonly idleBytes: number;
}

const { values } = parseArgs({
  options: { starts: { type: 'string', default: '10' }, against: { type: 'string' } },
});
const { against } = values;

await using directory = await createTempDir('rpmyard-bench-');
console.log(await describeMachine());
const peers = new Map<string, () => Promise<Start>>([
  [OURS, () => startOurs('rpmyard', undefined)],
  ...(against === undefined ? [] : [[against, () => startOurs('against', resolve(against))] as const]),
  [FASTIFY, startFastify],
  [NODE, runNode],
]);
const starts = new Map<string, Start[]>([...peers.keys()].map((name) => [name, []]));
// The first one fills the compile cache.
for (const start of peers.values()) await start();
for (let turn = 0; turn < Number(values.starts); turn += 1) {
  const inTurn = turn % 2 === 0 ? [...peers] : [...peers].toReversed();
  for (const [name, start] of inTurn) starts.get(name)?.push(await start());
}
for (const [name, all] of starts) printPeer(name, all);
for (const name of peers.keys()) if (name !== OURS) printRatio(name);

async function startOurs(name: string, checkout: string | undefined): Promise<Start> {
  const port = await findFreePort();
  const beganMs = performance.now();
  await using service = await startService({ root: join(directory.path, name), port, checkout });
  return await settle(service.pid, beganMs);
}

async function startFastify(): Promise<Start> {
  const port = await findFreePort();
  const beganMs = performance.now();
  const child = execa(process.execPath, ['--max-semi-space-size=2', BARE_FASTIFY, String(port)], {
    reject: false,
  });
  await waitUntilReady(`http://127.0.0.1:${port}`);
  const start = await settle(child.pid ?? 0, beganMs);
  child.kill();
  await child;
  return start;
}

async function runNode(): Promise<Start> {
  const { seconds, cpuSeconds } = await runMeasured(process.execPath, ['-e', '0']);
  return { seconds, cpuSeconds, idleBytes: Number.NaN };
}

async function settle(pid: number, beganMs: number): Promise<Start> {
  const seconds = (performance.now() - beganMs) / 1000;
  const cpuSeconds = await cpuSecondsOf([pid]);
  await delay(IDLE_MS);
  return { seconds, cpuSeconds, idleBytes: await residentMemoryBytes(pid) };
}

function printPeer(name: string, all: readonly Start[]): void {
  const milliseconds = formatSpread(
    all.map(({ seconds }) => seconds * 1000),
    0,
  );
  const cpu = formatSpread(
    all.map(({ cpuSeconds }) => cpuSeconds * 1000),
    0,
  );
  const idle = all.map(({ idleBytes }) => idleBytes / MIB).filter((one) => !Number.isNaN(one));
  const held = idle.length === 0 ? '' : `, idle ${formatSpread(idle, 0)} MiB`;
  console.log(`${name}: ${milliseconds} ms, CPU ${cpu} ms${held}`);
}

/** Turn by turn. */
function printRatio(name: string): void {
  const others = starts.get(name) ?? [];
  const ratioOf = (pick: (start: Start) => number): string =>
    formatSpread(
      (starts.get(OURS) ?? []).map((ours, turn) => pick(ours) / pick(others[turn] ?? ours)),
      2,
    );
  const time = ratioOf(({ seconds }) => seconds);
  const cpu = ratioOf(({ cpuSeconds }) => cpuSeconds);
  console.log(`${OURS} / ${name}: time ${time}, CPU ${cpu}`);
}
