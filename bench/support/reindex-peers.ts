import { link, mkdir, readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { findFreePort } from '../../test/support/free-port.ts';
import { cpuSecondsOf } from './process-cpu.ts';
import { type RunningService, startService } from './start-service.ts';

/** What one index run took. */
export interface RunTimes {
  /** As the one who asked for it saw it. */
  readonly totalMs: number;
  /** Of the service alone, without createrepo_c; undefined for createrepo_c alone. */
  readonly serviceCpuMs: number | undefined;
  /** As the service logged it; undefined for createrepo_c alone. */
  readonly loggedMs: number | undefined;
}

/** One of two identical trees and what indexes it. */
export interface ReindexPeer {
  indexAfresh(): Promise<RunTimes>;
  /** Adds one package, a file outside of the tree, and brings the index up to date. */
  addOne(path: string, fileName: string): Promise<RunTimes>;
}

const REPOSITORY = '9/x86_64';

// What the service passes, see createrepoArguments in src/reindex/createrepo-engine.ts.
const FLAGS = [
  '--checksum=sha256',
  '--compress-type=gz',
  '--general-compress-type=gz',
  '--unique-md-filenames',
  '--no-database',
  `--workers=${availableParallelism()}`,
  '--skip-symlinks',
];

/** createrepo_c in place, as a cron job would run it. */
export async function prepareBarePeer(root: string, packagesDir: string): Promise<ReindexPeer> {
  const target = await linkPackages(packagesDir, join(root, 'Packages'));
  const run = async (...flags: readonly string[]): Promise<RunTimes> => {
    const totalMs = await timed(() => execa('createrepo_c', [...FLAGS, ...flags, root], { stdio: 'ignore' }));
    return { totalMs, serviceCpuMs: undefined, loggedMs: undefined };
  };
  return {
    indexAfresh: () => run(),
    addOne: async (path, fileName) => {
      await link(path, join(target, fileName));
      return run('--update');
    },
  };
}

/**
 * The service on a tree with an empty index. One package is uploaded, which makes the repository known, and the others
 * are put beside it by hand: a tree that is filled when the service starts would be indexed before anybody can measure.
 */
export async function startServicePeer(
  root: string,
  packagesDir: string,
  stack: AsyncDisposableStack,
  nodeArguments: readonly string[],
): Promise<ReindexPeer> {
  const port = await findFreePort();
  const service = stack.use(await startService({ root, port, nodeArguments }));
  const [first = ''] = await readdir(packagesDir);
  await upload(service, first, await readFile(join(packagesDir, first)), '');
  await linkPackages(packagesDir, join(root, 'storage', REPOSITORY, 'Packages'));
  const measured = async (task: () => Promise<unknown>): Promise<RunTimes> => {
    const cpuBefore = await cpuSecondsOf([service.pid]);
    const totalMs = await timed(task);
    const serviceCpuMs = 1000 * ((await cpuSecondsOf([service.pid])) - cpuBefore);
    return { totalMs, serviceCpuMs, loggedMs: await lastLoggedMs(service) };
  };
  return {
    indexAfresh: () => measured(() => reindex(service)),
    addOne: async (path, fileName) => {
      const body = await readFile(path);
      return measured(() => upload(service, fileName, body, '?wait=50'));
    },
  };
}

async function linkPackages(packagesDir: string, target: string): Promise<string> {
  await mkdir(target, { recursive: true });
  const there = new Set(await readdir(target));
  for (const name of await readdir(packagesDir)) {
    if (!there.has(name)) await link(join(packagesDir, name), join(target, name));
  }
  return target;
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await task();
  return performance.now() - startedMs;
}

async function reindex({ baseUrl }: RunningService): Promise<void> {
  const url = `${baseUrl}/api/v1/repositories/${REPOSITORY}`;
  const answer = await fetch(`${url}/reindex?wait=50`, { method: 'POST' });
  if (answer.status !== 200) throw new Error(`reindex: ${answer.status} ${await answer.text()}`);
}

async function upload(
  { baseUrl }: RunningService,
  fileName: string,
  body: Buffer,
  query: string,
): Promise<void> {
  const answer = await fetch(`${baseUrl}/upload/${fileName}${query}`, {
    method: 'PUT',
    body: new Uint8Array(body),
  });
  if (answer.status !== 201) throw new Error(`upload: ${answer.status} ${await answer.text()}`);
}

async function lastLoggedMs({ logPath }: RunningService): Promise<number> {
  const lines = (await readFile(logPath, 'utf8')).split('\n');
  const line = lines.findLast((text) => text.includes('"index published"'));
  if (line === undefined) throw new Error(`no index run in ${logPath}`);
  const { ms } = JSON.parse(line);
  return Number(ms);
}
