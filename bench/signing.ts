// What signing costs a publication: the same publications with a signer and without one, by turns.
// Usage: npm run bench:signing -- [--publications 20]
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { publishRepodata } from '../src/storage/local/publish-repodata.ts';
import type { RepomdSigner } from '../src/storage/publications.ts';
import { writeIndex } from '../src/indexing/engines/incremental/write-index.ts';
import { makeKey } from '../src/trust/make-key.ts';
import { stopAgent } from '../test/support/gpg-keys.ts';
import { createTempDir } from '../test/support/temp-dir.ts';
import { createTestSigner } from '../test/support/test-signer.ts';
import { describeMachine } from './support/describe-machine.ts';
import { median } from './support/statistics.ts';

const { values } = parseArgs({ options: { publications: { type: 'string', default: '20' } } });
const publications = Number(values.publications);

await using directory = await createTempDir('rpmyard-bench-');
const gnupgHome = join(directory.path, 'gnupg');
console.log(await describeMachine(['gpg', '--version']));
try {
  const key = await makeKey({ gnupgHome, passphraseFile: undefined }, 'bench');
  const signer = createTestSigner(gnupgHome, [key]);
  await signer.sign('warms the agent up');
  const signed: number[] = [];
  const unsigned: number[] = [];
  for (let run = 0; run < publications; run += 1) {
    signed.push(await publishMs('signed', signer));
    unsigned.push(await publishMs('unsigned', undefined));
  }
  console.log(
    `publication, unsigned: median ${median(unsigned).toFixed(1)} ms; signed (RSA 4096): ${median(signed).toFixed(1)} ms`,
  );
} finally {
  await stopAgent(gnupgHome);
}

async function publishMs(name: string, signer: RepomdSigner | undefined): Promise<number> {
  const scratchDir = join(directory.path, 'scratch');
  await mkdir(scratchDir);
  await writeIndex([], { outputDir: scratchDir, format: 'gzip', nowMs: Date.now() });
  const startedMs = performance.now();
  const publication = { url: 'http://repo.example.com/repo/9/x86_64/', signer, now: Date.now };
  await publishRepodata(join(directory.path, name), scratchDir, publication);
  const ms = performance.now() - startedMs;
  await rm(scratchDir, { recursive: true });
  return ms;
}
