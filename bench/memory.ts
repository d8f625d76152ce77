// What the service holds in memory: when it starts, and after each of many uploads into a large repository; and what
// createrepo_c takes for the same update.
// Usage: npm run bench:memory -- [--packages 20000] [--updates 100]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createTempDir } from '../test/support/temp-dir.ts';
import { craftRepository, packageFileName } from './support/craft-repository.ts';
import { prepareCreaterepoPeer } from './support/createrepo-peer.ts';
import { describeMachine } from './support/describe-machine.ts';
import { residentMemoryBytes } from './support/peak-memory.ts';
import type { PackageFile } from './support/reindex-peer.ts';
import { startServicePeer } from './support/service-peer.ts';
import { formatSpread } from './support/statistics.ts';

const MIB = 2 ** 20;
const CREATEREPO_UPDATES = 3;

const { values } = parseArgs({
  options: {
    packages: { type: 'string', default: '20000' },
    updates: { type: 'string', default: '100' },
  },
});
const packages = Number(values.packages);
const updates = Number(values.updates);

await using directory = await createTempDir('rpmyard-bench-');
await using stack = new AsyncDisposableStack();
console.log(await describeMachine(['createrepo_c', '--version']));
const packagesDir = join(directory.path, 'packages');
const moreDir = join(directory.path, 'more');
await craftRepository(packagesDir, 0, packages);
await craftRepository(moreDir, packages, updates);
const fileOf = (number: number): PackageFile => {
  const fileName = packageFileName(packages + number);
  return { fileName, path: join(moreDir, fileName) };
};

const service = await startServicePeer({
  name: 'rpmyard',
  engine: 'incremental',
  root: join(directory.path, 'rpmyard'),
  packagesDir,
  stack,
  nodeArguments: [],
});
await service.remove(packageFileName(packages - 1));
// The threads that described all packages hold what they took until they end.
await service.restart();
print('just started', [await residentMemoryBytes(service.pid())]);
const peaks: number[] = [];
const resident: number[] = [];
for (let number = 0; number < updates; number += 1) {
  const { peakBytes } = await service.add([fileOf(number)]);
  if (peakBytes !== undefined) peaks.push(peakBytes);
  resident.push(await residentMemoryBytes(service.pid()));
}
const tenth = Math.ceil(updates / 10);
print('peak of one package more', peaks);
print('held after the first tenth', resident.slice(tenth, 2 * tenth));
print('held after the last tenth', resident.slice(-tenth));

const createrepo = prepareCreaterepoPeer({
  name: 'createrepo_c --no-database',
  root: join(directory.path, 'createrepo'),
  packagesDir,
  flags: ['--no-database'],
  freshFlags: [],
});
await createrepo.indexAfresh();
const theirs: number[] = [];
for (let number = 0; number < CREATEREPO_UPDATES; number += 1) {
  const { peakBytes } = await createrepo.add([fileOf(number)]);
  if (peakBytes !== undefined) theirs.push(peakBytes);
}
print('peak of one package more, createrepo_c --update --no-database', theirs);

function print(what: string, bytes: readonly number[]): void {
  console.log(
    `${what}: ${formatSpread(
      bytes.map((one) => one / MIB),
      0,
    )} MiB`,
  );
}
