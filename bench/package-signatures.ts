// What checking and making package signatures adds to an upload: the same packages sent to a service that does neither,
// to one with a keyring that requires signatures, and to one that signs; one upload at a time, in turns.
// Usage: npm run bench:signatures -- [--runs 50] [--payload 10k]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomBytes } from 'node:crypto';
import { craftRpm } from '../test/support/craft-rpm.ts';
import { createGpgKeys } from '../test/support/gpg-keys.ts';
import { startService } from '../test/support/run-service.ts';
import { putPackage } from '../test/support/send-request.ts';
import { craftSignedRpm, signedBy } from '../test/support/sign-rpm.ts';
import { createTempDir } from '../test/support/temp-dir.ts';
import { describeMachine } from './support/describe-machine.ts';
import { parseSize } from './support/size.ts';
import { formatSpread, median, quantile } from './support/statistics.ts';

const WARM_UP_RUNS = 5;
// No index run while we measure.
const NEVER_QUIET = { quiet_seconds: 3600, max_wait_seconds: 86_400 };

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '50' }, payload: { type: 'string', default: '10k' } },
});
const runs = Number(values.runs);
const payloadBytes = parseSize(values.payload);

await using stack = new AsyncDisposableStack();
const directory = stack.use(await createTempDir('rpmyard-bench-'));
const keys = stack.use(await createGpgKeys());
const key = await keys.makeKey('Bench <bench@example.com>', { algorithm: 'rsa3072' });
const keyFile = await keys.exportKey(key);

const start = async (name: string, config: Readonly<Record<string, Readonly<Record<string, unknown>>>>) =>
  stack.use(
    await startService({
      root: join(directory.path, name),
      config: { server: { upload_header: '' }, index_updater: NEVER_QUIET, ...config },
    }),
  );
const keyrings = [{ repositories: ['*'], key_files: [keyFile], require: 'signed' }];
const peers = [
  { name: 'unchecked', isSigned: true, service: await start('unchecked', {}) },
  {
    name: 'checked',
    isSigned: true,
    service: await start('checked', { package_signatures: { keyrings } }),
  },
  {
    name: 'signed here',
    isSigned: false,
    service: await start('signing', { signing: { keys: [key], gnupg_home: keys.path, sign_packages: true } }),
  },
];
console.log(await describeMachine(['rpmsign', '--version']));

const msOf = new Map<string, number[]>(peers.map(({ name }) => [name, []]));
for (let run = -WARM_UP_RUNS; run < runs; run += 1) {
  const spec = { name: `package${run + WARM_UP_RUNS}`, payload: randomBytes(payloadBytes) };
  const unsigned = craftRpm(spec);
  const signed = await craftSignedRpm(spec, { rsa: signedBy(keys, key) });
  for (const { name, isSigned, service } of peers) {
    const startedMs = performance.now();
    const { status, text } = await putPackage(service.baseUrl, isSigned ? signed : unsigned);
    const ms = performance.now() - startedMs;
    if (status !== 201) throw new Error(`${name} answered ${status}: ${text}`);
    if (run >= 0) msOf.get(name)?.push(ms);
  }
}

const base = median(msOf.get('unchecked') ?? []);
for (const [name, ms] of msOf) {
  const ratio = (median(ms) / base).toFixed(1);
  const p90 = quantile(ms, 0.9).toFixed(1);
  console.log(`${name.padEnd(12)} ${formatSpread(ms, 1)} ms, 90 % below ${p90} ms, ${ratio} times unchecked`);
}
