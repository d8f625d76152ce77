// How many uploads a second: Rpmyard with access rules and audit log and without (unguarded), nginx's own DAV PUT, the floor (a handler that only renames)
// and the durable floor (one that also syncs), in turns on the same machine.
// Usage: npm run bench:upload -- [--rounds 5] [--seconds 2] [--sizes 10k,10m] [--connections 16]
// [--profile DIR] [--against CHECKOUT]
// --against: the service of another checkout as well, behind the nginx files of this one.
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { createTempDir } from '../test/support/temp-dir.ts';
import { describeMachine } from './support/describe-machine.ts';
import { cpuSecondsOf } from './support/process-cpu.ts';
import { readStageTotals, stageMsBetween } from './support/stage-seconds.ts';
import { type Load, startLoad } from './support/start-load.ts';
import { formatSize, parseSize } from './support/size.ts';
import { printUploadReport, type UploadMeasurement } from './support/upload-report.ts';
import { waitForIdle } from './support/wait-for-idle.ts';
import { startDavPeer, startFloorPeer, startRpmyardPeer, type UploadPeer } from './support/upload-peers.ts';

// A peer that is faster ends its turn before the time is up, which its rate does not suffer from.
const MAX_UPLOADS_PER_SECOND = 6000;
const MAX_BYTES_PER_SECOND = 1_200_000_000;
const WARM_UP_SECONDS = 1;
const IDLE_WAIT_MS = 30_000;
// Larger packages would fill the disk; so few of them fit into a turn that deleting them slows nothing down.
const REMOVED_FROM_BYTES = 1024 * 1024;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    sizes: { type: 'string', default: '10k,10m' },
    connections: { type: 'string', default: '16' },
    profile: { type: 'string' },
    against: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const nodeArguments = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];

// Each of our stages and nginx's hand-over wait on the thread pool; all Node processes get the size that bin/rpmyard sets.
process.env['UV_THREADPOOL_SIZE'] = '16';

await using stack = new AsyncDisposableStack();
const directory = stack.use(await createTempDir('rpmyard-bench-'));
const peers = [
  await startRpmyardPeer(join(directory.path, 'rpmyard'), stack, { name: 'rpmyard', nodeArguments }),
  await startRpmyardPeer(join(directory.path, 'unguarded'), stack, { name: 'unguarded', nodeArguments }),
  ...(values.against === undefined
    ? []
    : [
        await startRpmyardPeer(join(directory.path, 'against'), stack, {
          name: 'against',
          nodeArguments: [],
          checkout: resolve(values.against),
        }),
      ]),
  await startDavPeer(join(directory.path, 'dav'), stack),
  await startFloorPeer(join(directory.path, 'floor'), stack, 'floor'),
  await startFloorPeer(join(directory.path, 'durable-floor'), stack, 'durable floor'),
];
const load = stack.use(startLoad());
console.log(await describeMachine(['nginx', '-v']));

for (const sizeBytes of values.sizes.split(',').map(parseSize)) {
  const measurements: UploadMeasurement[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const isWarmUp = round === 0;
    const turnSeconds = isWarmUp ? WARM_UP_SECONDS : seconds;
    const rate = Math.min(MAX_UPLOADS_PER_SECOND, MAX_BYTES_PER_SECOND / sizeBytes);
    const count = Math.ceil(turnSeconds * rate) + connections;
    await load.run({ kind: 'craft', label: `${formatSize(sizeBytes)}-r${round}`, count, sizeBytes });
    await waitForIdle(IDLE_WAIT_MS);
    for (const peer of inTurn(peers, round)) {
      const measurement = await measure(peer, load, turnSeconds, sizeBytes);
      if (!isWarmUp) measurements.push({ ...measurement, round });
    }
  }
  printUploadReport(sizeBytes, measurements);
}

/** Each round begins with another peer, so that none always follows the same one. */
function inTurn(all: readonly UploadPeer[], round: number): readonly UploadPeer[] {
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

async function measure(
  peer: UploadPeer,
  generator: Load,
  turnSeconds: number,
  sizeBytes: number,
): Promise<Omit<UploadMeasurement, 'round'>> {
  const before = await readCounters(peer, generator);
  const { port, path, token } = peer;
  const result = await generator.run({ kind: 'send', port, path, connections, seconds: turnSeconds, token });
  const after = await readCounters(peer, generator);
  await settleDisk(peer, sizeBytes);
  const cpuMsPerUpload = (from: number, to: number): number => (1000 * (to - from)) / result.uploads;
  return {
    peer: peer.name,
    ...result,
    serviceCpuMs: cpuMsPerUpload(before.service, after.service),
    nginxCpuMs: cpuMsPerUpload(before.nginx, after.nginx),
    loadCpuMs: cpuMsPerUpload(before.load, after.load),
    stageMs: stageMsBetween(before.stages, after.stages),
  };
}

async function readCounters({ servicePids, nginxPids, serviceUrl }: UploadPeer, { pid }: Load) {
  return {
    service: await cpuSecondsOf(servicePids),
    nginx: await cpuSecondsOf(nginxPids),
    load: await cpuSecondsOf([pid]),
    stages: serviceUrl === undefined ? new Map() : await readStageTotals(serviceUrl),
  };
}

/**
 * Without the sync, the next peer would pay for writing back what this one left in memory. Small files stay until the
 * end: for minutes after many were deleted, ext4 searches long for an inode that was not deleted just now
 * (recently_deleted in fs/ext4/ialloc.c), and creating a file takes five times as long.
 */
async function settleDisk({ packagesDir }: UploadPeer, sizeBytes: number): Promise<void> {
  if (sizeBytes >= REMOVED_FROM_BYTES) await removePackages(packagesDir);
  await execa('sync');
}

async function removePackages(packagesDir: string): Promise<void> {
  const names = (await readdir(packagesDir)).filter((name) => name.endsWith('.rpm'));
  for (const name of names) await rm(join(packagesDir, name));
}
