// How long until a host sees a package: `curl -T` with ?wait= and dnf, beside the shell glue (cp, createrepo_c, dnf).
// Usage: npm run bench:visible -- [--packages 20000] [--uploads 5]
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { findFreePort } from '../test/support/free-port.ts';
import { runCurl } from '../test/support/run-curl.ts';
import { type DnfHost, dnfMakecache, dnfRepoquery } from '../test/support/run-dnf.ts';
import { createTempDir } from '../test/support/temp-dir.ts';
import { craftRepository, packageFileName } from './support/craft-repository.ts';
import { describeMachine } from './support/describe-machine.ts';
import { linkPackages } from './support/link-packages.ts';
import { secondsOf } from './support/reindex-peer.ts';
import { serveDirectory } from './support/serve-directory.ts';
import { reindex } from './support/service-peer.ts';
import { startService } from './support/start-service.ts';
import { formatSpread } from './support/statistics.ts';
import { waitForIdle } from './support/wait-for-idle.ts';

const IDLE_WAIT_MS = 10_000;
const REPOSITORY = '9/x86_64';

const { values } = parseArgs({
  options: { packages: { type: 'string', default: '20000' }, uploads: { type: 'string', default: '5' } },
});
const packages = Number(values.packages);
const uploads = Number(values.uploads);

/** A way to bring a package to hosts. */
interface Way {
  readonly name: string;
  readonly host: DnfHost;
  /** Returns when a host may see it. */
  readonly publish: (path: string, fileName: string) => Promise<void>;
  readonly publishSeconds: number[];
  /** dnf with what was published just now. */
  readonly dnfSeconds: number[];
  /** dnf again, with nothing new. */
  readonly unchangedSeconds: number[];
}

await using directory = await createTempDir('rpmyard-bench-');
await using stack = new AsyncDisposableStack();
console.log(
  await describeMachine(['curl', '--version'], ['dnf', '--version'], ['createrepo_c', '--version']),
);
const packagesDir = join(directory.path, 'packages');
const moreDir = join(directory.path, 'more');
await craftRepository(packagesDir, 0, packages);
await craftRepository(moreDir, packages, uploads);
const ways = [
  await prepareOurs(join(directory.path, 'rpmyard')),
  await prepareGlue(join(directory.path, 'glue')),
];
for (const { host } of ways) await expectSuccess(dnfMakecache(host));

for (let number = packages; number < packages + uploads; number += 1) {
  const fileName = packageFileName(number);
  await waitForIdle(IDLE_WAIT_MS);
  for (const way of number % 2 === 0 ? ways : ways.toReversed()) {
    way.unchangedSeconds.push(await secondsOf(() => expectSeen(way.host, packageFileName(number - 1))));
    way.publishSeconds.push(await secondsOf(() => way.publish(join(moreDir, fileName), fileName)));
    way.dnfSeconds.push(await secondsOf(() => expectSeen(way.host, fileName)));
    await execa('sync');
  }
}

console.log(`${packages} packages, ${uploads} uploads; seconds`);
console.log('| way | published | dnf sees it | both | dnf alone, nothing new |');
console.log('| --- | --- | --- | --- | --- |');
for (const { name, publishSeconds, dnfSeconds, unchangedSeconds } of ways) {
  const bothSeconds = publishSeconds.map((one, index) => one + (dnfSeconds[index] ?? Number.NaN));
  const cells = [publishSeconds, dnfSeconds, bothSeconds, unchangedSeconds].map((seconds) =>
    formatSpread(seconds, 2),
  );
  console.log(`| ${[name, ...cells].join(' | ')} |`);
}

/** With the quiet time that it has when nothing else is configured. */
async function prepareOurs(root: string): Promise<Way> {
  const service = stack.use(await startService({ root, port: await findFreePort(), indexUpdater: {} }));
  const target = join(root, 'storage', REPOSITORY, 'Packages');
  await mkdir(target, { recursive: true });
  await reindex(service.baseUrl, REPOSITORY, '');
  linkPackages(packagesDir, target);
  await reindex(service.baseUrl, REPOSITORY, '');
  return wayOf('rpmyard: curl -T', root, `${service.baseUrl}/repo/${REPOSITORY}/`, async (path) => {
    const { status, body } = await runCurl('-T', path, `${service.baseUrl}/upload?wait=50`);
    if (status !== 201) throw new Error(`curl -T: ${status} ${body}`);
  });
}

async function prepareGlue(root: string): Promise<Way> {
  const tree = join(root, 'tree');
  linkPackages(packagesDir, join(tree, 'Packages'));
  await execa('createrepo_c', ['--no-database', '--quiet', tree]);
  const server = stack.use(await serveDirectory(tree));
  return wayOf('cp and createrepo_c --update --no-database', root, server.url, async (path, fileName) => {
    await copyFile(path, join(tree, 'Packages', fileName));
    await execa('createrepo_c', ['--update', '--no-database', '--quiet', tree]);
  });
}

function wayOf(name: string, root: string, repositoryUrl: string, publish: Way['publish']): Way {
  const host = { root: join(root, 'host'), repositoryUrl };
  return { name, host, publish, publishSeconds: [], dnfSeconds: [], unchangedSeconds: [] };
}

/** @throws Error when dnf does not know exactly this package. */
async function expectSeen(host: DnfHost, fileName: string): Promise<void> {
  const name = fileName.replace(/-[^-]+-[^-]+\.rpm$/, '');
  // Without it dnf believes its cache until the end of the second in which it asked last.
  const { stdout } = await expectSuccess(dnfRepoquery(host, '--refresh', name));
  if (stdout.trim().replace(/-0:/, '-') !== fileName.replace(/\.rpm$/, '')) {
    throw new Error(`dnf sees ${stdout || 'nothing'} instead of ${fileName}`);
  }
}

async function expectSuccess<T extends { readonly exitCode: number; readonly stderr: string }>(
  running: Promise<T>,
): Promise<T> {
  const result = await running;
  if (result.exitCode !== 0) throw new Error(`dnf ended with ${result.exitCode}: ${result.stderr}`);
  return result;
}
