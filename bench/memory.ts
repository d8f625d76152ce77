// One package more in a large repository, many times: how long it takes against the floor, what the service holds in memory and
// whether that grows, and what createrepo_c takes for the same update.
// Usage: npm run bench:memory -- [--packages 20000] [--updates 100] [--against CHECKOUT] [--same-process]
// --against: the service of another checkout as well, in turns. --same-process: not started anew after the run that described
// all packages, so its threads are still there.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createTempDir } from '../test/support/temp-dir.ts';
import { craftRepository, packageFileName } from './support/craft-repository.ts';
import { prepareCreaterepoPeer } from './support/createrepo-peer.ts';
import { describeMachine } from './support/describe-machine.ts';
import { measureFloor } from './support/measure-floor.ts';
import { residentMemoryBytes } from './support/peak-memory.ts';
import type { PackageFile } from './support/reindex-peer.ts';
import { type ServicePeer, startServicePeer } from './support/service-peer.ts';
import { formatSpread } from './support/statistics.ts';

const MIB = 2 ** 20;
const CREATEREPO_UPDATES = 3;
// What each step of so many updates holds is printed when it is over.
const STEP = 100;
// The first updates compile code that the later ones have.
const WARM_UPS = 5;

const { values } = parseArgs({
  options: {
    packages: { type: 'string', default: '20000' },
    updates: { type: 'string', default: '100' },
    against: { type: 'string' },
    'same-process': { type: 'boolean', default: false },
  },
});
const packages = Number(values.packages);
const updates = Number(values.updates);

/** What one service did. */
interface Course {
  readonly peer: ServicePeer;
  readonly seconds: number[];
  readonly cpuSeconds: number[];
  readonly floorRatios: number[];
  readonly peakBytes: number[];
  readonly residentBytes: number[];
}

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

const courses = [await prepare('rpmyard', undefined)];
if (values.against !== undefined) courses.push(await prepare(values.against, resolve(values.against)));
for (let number = 0; number < updates; number += 1) {
  const isTurned = number % 2 === 1;
  for (const course of isTurned ? courses.toReversed() : courses) await update(course, fileOf(number));
  if ((number + 1) % STEP !== 0) continue;
  for (const { peer, residentBytes } of courses) {
    printMib(`${peer.name}: held, updates ${number + 2 - STEP} to ${number + 1}`, residentBytes.slice(-STEP));
  }
}
for (const course of courses) printCourse(course);
await measureCreaterepo();

async function prepare(name: string, checkout: string | undefined): Promise<Course> {
  const peer = await startServicePeer({
    name,
    engine: 'incremental',
    root: join(directory.path, checkout === undefined ? 'rpmyard' : 'against'),
    packagesDir,
    stack,
    nodeArguments: [],
    checkout,
  });
  await peer.remove(packageFileName(packages - 1));
  if (!values['same-process']) await peer.restart();
  printMib(`${name}: before the first update`, [await residentMemoryBytes(peer.pid())]);
  return { peer, seconds: [], cpuSeconds: [], floorRatios: [], peakBytes: [], residentBytes: [] };
}

async function update(
  { peer, seconds, cpuSeconds, floorRatios, peakBytes, residentBytes }: Course,
  one: PackageFile,
): Promise<void> {
  const cost = await peer.add([one]);
  const floor = await measureFloor(peer.repositoryDir, join(directory.path, 'floor'));
  seconds.push(cost.seconds);
  cpuSeconds.push(cost.cpuSeconds);
  floorRatios.push(cost.seconds / floor.seconds);
  if (cost.peakBytes !== undefined) peakBytes.push(cost.peakBytes);
  residentBytes.push(await residentMemoryBytes(peer.pid()));
}

function printCourse({ peer: { name }, ...course }: Course): void {
  const tenth = Math.ceil(updates / 10);
  const warm = (all: readonly number[]): readonly number[] => all.slice(Math.min(WARM_UPS, updates - 1));
  console.log(
    [
      `${name}: one package more: ${formatSpread(warm(course.seconds), 3)} s`,
      `${formatSpread(warm(course.floorRatios), 1)} times the floor`,
      `CPU ${formatSpread(warm(course.cpuSeconds), 2)} s`,
    ].join(', '),
  );
  printMib(`${name}: peak of one package more`, course.peakBytes);
  printMib(`${name}: held after the first tenth`, course.residentBytes.slice(tenth, 2 * tenth));
  printMib(`${name}: held after the last tenth`, course.residentBytes.slice(-tenth));
}

async function measureCreaterepo(): Promise<void> {
  const createrepo = prepareCreaterepoPeer({
    name: 'createrepo_c --no-database',
    root: join(directory.path, 'createrepo'),
    packagesDir,
    flags: ['--no-database'],
    freshFlags: [],
  });
  await createrepo.indexAfresh();
  const peaks: number[] = [];
  for (let number = 0; number < Math.min(CREATEREPO_UPDATES, updates); number += 1) {
    const { peakBytes } = await createrepo.add([fileOf(number)]);
    if (peakBytes !== undefined) peaks.push(peakBytes);
  }
  printMib('peak of one package more, createrepo_c --update --no-database', peaks);
}

function printMib(what: string, bytes: readonly number[]): void {
  const mebibytes = bytes.map((one) => one / MIB);
  console.log(`${what}: ${formatSpread(mebibytes, 0)} MiB`);
}
