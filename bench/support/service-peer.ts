import { mkdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../../test/support/free-port.ts';
import { linkPackages } from './link-packages.ts';
import { peakMemoryBytes, resetPeakMemory } from './peak-memory.ts';
import { cpuSecondsOf } from './process-cpu.ts';
import { type Cost, type PackageFile, type ReindexPeer, secondsOf } from './reindex-peer.ts';
import { type RunningService, startService } from './start-service.ts';

export interface ServicePeer extends ReindexPeer {
  readonly repositoryDir: string;
  /** Of the process as it was started last. */
  readonly pid: () => number;
  readonly restart: () => Promise<void>;
}

const REPOSITORY = '9/x86_64';
const POLL_MS = 20;

/**
 * The running service. It starts on an empty tree, which is filled by hand afterwards: a tree that is full when the
 * service starts would be indexed before the measurement begins.
 */
export async function startServicePeer(options: {
  readonly name: string;
  readonly engine: 'incremental' | 'createrepo';
  readonly root: string;
  readonly packagesDir: string;
  readonly stack: AsyncDisposableStack;
  readonly nodeArguments: readonly string[];
  /** Whose service runs; default: this one's. */
  readonly checkout?: string | undefined;
}): Promise<ServicePeer> {
  const { name, engine, root, packagesDir, stack, nodeArguments, checkout } = options;
  const port = await findFreePort();
  const start = (): Promise<RunningService> =>
    startService({
      root,
      port,
      checkout,
      nodeArguments,
      indexUpdater: { engine, quiet_seconds: 3600, max_wait_seconds: 86_400 },
    });
  let service = await start();
  stack.defer(() => service[Symbol.asyncDispose]());
  const repositoryDir = join(root, 'storage', REPOSITORY);
  await mkdir(join(repositoryDir, 'Packages'), { recursive: true });
  // Otherwise the first look at the repository requests a run of its own.
  await reindex(service.baseUrl, REPOSITORY, '');
  linkPackages(packagesDir, join(repositoryDir, 'Packages'));
  return {
    name,
    repositoryDir,
    pid: () => service.pid,
    restart: async () => {
      await service[Symbol.asyncDispose]();
      service = await start();
    },
    indexAfresh: () => measured(service, () => reindex(service.baseUrl, REPOSITORY, 'full=1&')),
    warmUp: async (one) => {
      await addPackages(service, [one]);
    },
    add: (packages) => addPackages(service, packages),
    remove: async (fileName) => {
      await unlink(join(repositoryDir, 'Packages', fileName));
      return measured(service, () => reindex(service.baseUrl, REPOSITORY, ''));
    },
  };
}

/** Uploads all, and measures the last upload, which waits for the index that has them all. */
async function addPackages(service: RunningService, packages: readonly PackageFile[]): Promise<Cost> {
  for (const one of packages.slice(0, -1)) await upload(service, one.fileName, await readFile(one.path), '');
  const last = packages.at(-1);
  if (last === undefined) throw new Error('expected a package');
  const body = await readFile(last.path);
  return measured(service, () => upload(service, last.fileName, body, '?wait=50'));
}

/** Requests an index run that compares every file (`full=1&`: that reads every package) and waits until it is published. */
export async function reindex(baseUrl: string, repository: string, query: '' | 'full=1&'): Promise<void> {
  const url = `${baseUrl}/api/v1/repositories/${repository}`;
  const answer = await fetch(`${url}/reindex?${query}wait=50`, { method: 'POST' });
  const text = await answer.text();
  if (answer.status === 200) return;
  if (answer.status !== 202) throw new Error(`reindex: ${answer.status} ${text}`);
  for (let state = 'running'; state !== 'clean'; ) {
    await delay(POLL_MS);
    const { state: now, lastError } = Object(await (await fetch(url)).json());
    if (now === 'failed') throw new Error(`reindex: ${JSON.stringify(lastError)}`);
    state = String(now);
  }
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
  await answer.arrayBuffer();
}

async function measured(service: RunningService, task: () => Promise<unknown>): Promise<Cost> {
  const isPeakKnown = await resetPeakMemory(service.pid);
  const cpuBefore = await cpuSecondsOf([service.pid]);
  const seconds = await secondsOf(task);
  return {
    seconds,
    runSeconds: (await lastLoggedMs(service)) / 1000,
    cpuSeconds: (await cpuSecondsOf([service.pid])) - cpuBefore,
    peakBytes: isPeakKnown ? await peakMemoryBytes(service.pid) : undefined,
  };
}

async function lastLoggedMs({ logPath }: RunningService): Promise<number> {
  const lines = (await readFile(logPath, 'utf8')).split('\n');
  const line = lines.findLast((text) => text.includes('"index published"'));
  if (line === undefined) throw new Error(`no index run in ${logPath}`);
  const { ms } = JSON.parse(line);
  return Number(ms);
}
