// How long an index run takes: Rpmyard with createrepo_c, and createrepo_c alone on an identical tree, in turns.
// Usage: npm run bench:reindex -- [--rounds 3] [--updates 3] [--packages 1000,5000,20000] [--profile DIR]
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTempDir } from '../test/support/temp-dir.ts';
import { craftRepository, packageFileName } from './support/craft-repository.ts';
import {
  prepareBarePeer,
  type ReindexPeer,
  type RunTimes,
  startServicePeer,
} from './support/reindex-peers.ts';
import { describeMachine } from './support/describe-machine.ts';
import { waitForIdle } from './support/wait-for-idle.ts';
import { printReindexReport, type RunPair } from './support/reindex-report.ts';

const IDLE_WAIT_MS = 30_000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    updates: { type: 'string', default: '3' },
    packages: { type: 'string', default: '1000,5000,20000' },
    profile: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const updates = Number(values.updates);
const nodeArguments = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];

await using directory = await createTempDir('rpmyard-bench-');
console.log(await describeMachine(['createrepo_c', '--version']));
let crafted = 0;

for (const count of values.packages.split(',').map(Number)) {
  const packagesDir = join(directory.path, 'packages');
  // Smaller repositories are the beginning of larger ones, so each package is crafted once.
  await craftRepository(packagesDir, crafted, count - crafted);
  crafted = count;
  await craftRepository(join(directory.path, 'more'), count, updates);

  const fresh: RunPair[] = [];
  const added: RunPair[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await waitForIdle(IDLE_WAIT_MS);
    await using stack = new AsyncDisposableStack();
    const trees = stack.use(await createTempDir('rpmyard-bench-trees-'));
    const ours = await startServicePeer(join(trees.path, 'rpmyard'), packagesDir, stack, nodeArguments);
    const bare = await prepareBarePeer(join(trees.path, 'bare'), packagesDir);
    fresh.push(await runBoth({ ours, bare }, round, (peer) => peer.indexAfresh()));
    if (round === 0) console.log(`\n${count} packages, ${await openMegabytes(trees.path)} MB of XML`);
    for (let update = 0; update < updates; update += 1) {
      const fileName = packageFileName(count + update);
      const path = join(directory.path, 'more', fileName);
      added.push(await runBoth({ ours, bare }, round + update, (peer) => peer.addOne(path, fileName)));
    }
  }
  printReindexReport('all packages afresh', fresh);
  printReindexReport('one package more', added);
}

/** In turns the one, then the other goes first. */
async function runBoth(
  peers: { readonly ours: ReindexPeer; readonly bare: ReindexPeer },
  turn: number,
  task: (peer: ReindexPeer) => Promise<RunTimes>,
): Promise<RunPair> {
  if (turn % 2 === 0) {
    const ours = await task(peers.ours);
    return { ours, bare: await task(peers.bare) };
  }
  const bare = await task(peers.bare);
  return { ours: await task(peers.ours), bare };
}

/** Of primary, filelists and other together, unpacked. */
async function openMegabytes(treesDir: string): Promise<string> {
  const xml = await readFile(join(treesDir, 'bare', 'repodata', 'repomd.xml'), 'utf8');
  const sizes = [...xml.matchAll(/<open-size>(?<bytes>\d+)</g)].map(({ groups }) =>
    Number(groups?.['bytes']),
  );
  return (sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(0);
}
