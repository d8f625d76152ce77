// How soon uploads are answered while another repository is indexed afresh, and without that, in turns.
// Usage: npm run bench:responsive -- [--rounds 3] [--packages 20000] [--seconds 4] [--connections 1,4]
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findFreePort } from '../test/support/free-port.ts';
import { createTempDir } from '../test/support/temp-dir.ts';
import { craftRepository } from './support/craft-repository.ts';
import { describeMachine } from './support/describe-machine.ts';
import { linkPackages } from './support/link-packages.ts';
import { secondsOf } from './support/reindex-peer.ts';
import { reindex } from './support/service-peer.ts';
import { startLoad } from './support/start-load.ts';
import { startService } from './support/start-service.ts';
import { formatSpread } from './support/statistics.ts';
import type { LoadResult } from './support/upload-load.ts';
import { waitForIdle } from './support/wait-for-idle.ts';

const IDLE_WAIT_MS = 10_000;
const MAX_UPLOADS_PER_SECOND = 2000;
const UPLOAD_BYTES = 10_240;
const AIM_MS = 100;
/** Uploads go to 9/x86_64. */
const INDEXED = '8/x86_64';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    packages: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '4' },
    connections: { type: 'string', default: '1,4' },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

await using directory = await createTempDir('rpmyard-bench-');
console.log(await describeMachine());
const packagesDir = join(directory.path, 'packages');
await craftRepository(packagesDir, 0, Number(values.packages));

await using stack = new AsyncDisposableStack();
const root = join(directory.path, 'rpmyard');
const port = await findFreePort();
const service = stack.use(await startService({ root, port }));
const load = stack.use(startLoad());
const indexedDir = join(root, 'storage', INDEXED, 'Packages');
await mkdir(indexedDir, { recursive: true });
await reindex(service.baseUrl, INDEXED, '');
linkPackages(packagesDir, indexedDir);
console.log(`${values.packages} packages in ${INDEXED}; uploads of ${UPLOAD_BYTES} bytes for ${seconds} s`);
console.log('| at a time | meanwhile | uploads | half, ms | 99 %, ms | slowest, ms | indexed afresh in, s |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');

for (const connections of values.connections.split(',').map(Number)) {
  const idle: LoadResult[] = [];
  const busy: LoadResult[] = [];
  const indexSeconds: number[] = [];
  // Round 0 warms up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const isIndexing of [round % 2 === 0, round % 2 !== 0]) {
      const label = `c${connections}-r${round}-${isIndexing ? 'busy' : 'idle'}`;
      await load.run({
        kind: 'craft',
        label,
        count: seconds * MAX_UPLOADS_PER_SECOND,
        sizeBytes: UPLOAD_BYTES,
      });
      await waitForIdle(IDLE_WAIT_MS);
      if (!isIndexing) {
        const result = await send(connections);
        if (round > 0) idle.push(result);
        continue;
      }
      const { result, spentSeconds } = await sendWhileIndexing(connections);
      if (round === 0) continue;
      busy.push(result);
      indexSeconds.push(spentSeconds);
    }
  }
  printRow(connections, 'nothing', idle, []);
  printRow(connections, 'an index run', busy, indexSeconds);
  const isMet = busy.every(({ p99Ms }) => p99Ms < AIM_MS);
  console.log(`99 % under ${AIM_MS} ms: ${isMet ? 'met' : 'not met'}`);
}

function send(connections: number): Promise<LoadResult> {
  return load.run({ kind: 'send', port, path: '/upload/', connections, seconds, token: undefined });
}

/** Only what is sent while the index run goes on counts, so it must last longer than the uploads. */
async function sendWhileIndexing(
  connections: number,
): Promise<{ readonly result: LoadResult; readonly spentSeconds: number }> {
  let isIndexing = true;
  const indexing = secondsOf(() => reindex(service.baseUrl, INDEXED, 'full=1&')).finally(() => {
    isIndexing = false;
  });
  const result = await send(connections);
  if (!isIndexing) console.log(`the index run ended before the uploads: choose --seconds below ${seconds}`);
  return { result, spentSeconds: await indexing };
}

function printRow(
  connections: number,
  meanwhile: string,
  results: readonly LoadResult[],
  indexSeconds: readonly number[],
): void {
  const cells = [
    connections,
    meanwhile,
    results.reduce((sum, { uploads }) => sum + uploads, 0),
    formatSpread(
      results.map(({ medianMs }) => medianMs),
      1,
    ),
    formatSpread(
      results.map(({ p99Ms }) => p99Ms),
      1,
    ),
    formatSpread(
      results.map(({ maxMs }) => maxMs),
      1,
    ),
    indexSeconds.length === 0 ? '' : formatSpread(indexSeconds, 1),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
