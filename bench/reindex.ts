// How long an index run takes, and how much memory: the running service, createrepo_c on identical trees, and the floor,
// in turns on the same machine.
// Usage: npm run bench:reindex -- [--rounds 3] [--updates 2] [--packages 1000,5000,20000] [--json FILE]
// [--with-createrepo-engine] [--profile DIR] [--against CHECKOUT]
// --against: the service of another checkout as well.
import { appendFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { createTempDir } from '../test/support/temp-dir.ts';
import { craftRepository, packageFileName } from './support/craft-repository.ts';
import { prepareCreaterepoPeer } from './support/createrepo-peer.ts';
import { describeMachine } from './support/describe-machine.ts';
import { measureFloor } from './support/measure-floor.ts';
import type { Cost, PackageFile, ReindexPeer } from './support/reindex-peer.ts';
import { describeMetadata, printReindexReport } from './support/reindex-report.ts';
import type { ReindexSample } from './support/reindex-sample.ts';
import { type ServicePeer, startServicePeer } from './support/service-peer.ts';
import { waitForIdle } from './support/wait-for-idle.ts';

const IDLE_WAIT_MS = 10_000;
const MANY = 100;
// With its databases each run takes createrepo_c twice the time, whatever changed; that need not be shown four times.
const BY_DEFAULT = 'createrepo_c';
const NOT_BY_DEFAULT = new Set<ReindexSample['operation']>(['+100', '-1']);
const WARM_UPS = 1;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    updates: { type: 'string', default: '2' },
    packages: { type: 'string', default: '1000,5000,20000' },
    json: { type: 'string' },
    'with-createrepo-engine': { type: 'boolean', default: false },
    profile: { type: 'string' },
    against: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const updates = Number(values.updates);

await using directory = await createTempDir('rpmyard-bench-');
console.log(await describeMachine(['createrepo_c', '--version']));
const packagesDir = join(directory.path, 'packages');
let crafted = 0;

for (const packages of values.packages.split(',').map(Number)) {
  // Smaller repositories are the beginning of larger ones, so each package is crafted once.
  await craftRepository(packagesDir, crafted, packages - crafted);
  crafted = packages;
  const moreDir = join(directory.path, `more-${packages}`);
  await craftRepository(moreDir, packages, updates + MANY + WARM_UPS);
  const fileOf = (number: number): PackageFile => {
    const fileName = packageFileName(packages + number);
    return { fileName, path: join(moreDir, fileName) };
  };

  const samples: ReindexSample[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using stack = new AsyncDisposableStack();
    const trees = stack.use(await createTempDir('rpmyard-bench-trees-'));
    const { ours, peers } = await preparePeers(trees.path, stack);
    const floorDir = join(trees.path, 'floor');
    const measureAll = async (
      operation: ReindexSample['operation'],
      turn: number,
      task: (peer: ReindexPeer) => Promise<Cost>,
    ): Promise<void> => {
      const keep = (peer: string, cost: Cost) =>
        samples.push({ packages, operation, peer, round, turn, ...cost });
      const isAsked = ({ name }: ReindexPeer) => name !== BY_DEFAULT || !NOT_BY_DEFAULT.has(operation);
      for (const peer of inTurn(peers, round + turn).filter(isAsked)) {
        keep(peer.name, await task(peer));
        if (peer === ours) keep('floor', await measureFloor(ours.repositoryDir, floorDir));
        // Without it the next peer would pay for writing back what this one left in memory.
        await execa('sync');
      }
    };

    await waitForIdle(IDLE_WAIT_MS);
    await measureAll('afresh', 0, (peer) => peer.indexAfresh());
    if (round === 0) console.log(`\n${packages} packages: ${await describeMetadata(ours.repositoryDir)}`);
    for (const peer of peers) await peer.warmUp(fileOf(updates + MANY));
    for (let turn = 0; turn < updates; turn += 1) {
      await measureAll('+1', turn, (peer) => peer.add([fileOf(turn)]));
    }
    const many = Array.from({ length: MANY }, (_, index) => fileOf(updates + index));
    await measureAll(`+${MANY}`, 0, (peer) => peer.add(many));
    await measureAll('-1', 0, (peer) => peer.remove(packageFileName(packages / 2)));
  }

  printReindexReport(samples);
  if (values.json !== undefined) {
    await appendFile(values.json, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(''));
  }
}

async function preparePeers(
  root: string,
  stack: AsyncDisposableStack,
): Promise<{ readonly ours: ServicePeer; readonly peers: readonly ReindexPeer[] }> {
  const startOurs = (name: string, engine: 'incremental' | 'createrepo') => {
    const nodeArguments =
      values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
    return startServicePeer({ name, engine, root: join(root, engine), packagesDir, stack, nodeArguments });
  };
  const startTheirs = (checkout: string) =>
    startServicePeer({
      name: checkout,
      engine: 'incremental',
      root: join(root, 'against'),
      packagesDir,
      stack,
      nodeArguments: [],
      checkout: resolve(checkout),
    });
  const ours = await startOurs('rpmyard', 'incremental');
  const withCreaterepo = values['with-createrepo-engine']
    ? [await startOurs('rpmyard, createrepo engine', 'createrepo')]
    : [];
  const theirs = values.against === undefined ? [] : [await startTheirs(values.against)];
  const bare = prepareCreaterepoPeer({
    name: 'createrepo_c --no-database',
    root: join(root, 'no-database'),
    packagesDir,
    flags: ['--no-database'],
    freshFlags: [`--workers=${availableParallelism()}`],
  });
  const byDefault = prepareCreaterepoPeer({
    name: BY_DEFAULT,
    root: join(root, 'default'),
    packagesDir,
    flags: [],
    freshFlags: [`--workers=${availableParallelism()}`],
  });
  return { ours, peers: [ours, ...theirs, bare, byDefault, ...withCreaterepo] };
}

/** Who goes first alternates. */
function inTurn(peers: readonly ReindexPeer[], turn: number): readonly ReindexPeer[] {
  const first = Math.abs(turn) % peers.length;
  return [...peers.slice(first), ...peers.slice(0, first)];
}
