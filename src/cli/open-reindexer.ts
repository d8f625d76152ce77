import { setTimeout } from 'node:timers/promises';
import { createLog } from '../base/log.ts';
import { openTree, type Tree } from '../boot/open-tree.ts';
import { createStateLayout } from '../storage/state-layout.ts';
import { isLocked } from '../storage/tree-lock.ts';
import { openRepositories } from '../storage/open-storage.ts';
import { createRepositoryLayout } from '../storage/repository-layout.ts';
import type { IndexProgress } from '../indexing/index-engine.ts';
import { openMarks } from '../storage/marks.ts';
import { reindexRepository } from '../indexing/reindex-repository.ts';
import type { PublishedIndex } from '../indexing/repository-schedule.ts';
import type { ReindexRequest } from '../indexing/repository-commands.ts';
import type { PackageFaultCode } from '../api/package-fault-code.ts';
import { createTidying } from '../indexing/tidy-repository.ts';
import { demandOwner } from './become-owner.ts';
import { checkNamed } from './check-named.ts';
import { type CommandConfig, listFolders } from './read-config.ts';
import { REPOSITORY_DOCUMENT, REPOSITORY_LIST, REPOSITORY_STATUS } from '../api/repository-documents.ts';
import { createServiceClient, type ServiceClient } from './service-client.ts';
import { demandTree } from './tree-missing.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** A package that is not described as it lies on disk. */
export interface PackageNote {
  readonly location: string;
  readonly code: PackageFaultCode | 'PACKAGE_SET_ASIDE';
  readonly reason: string;
}

interface IndexFacts extends Pick<PublishedIndex, 'packageCount' | 'revision'> {
  readonly faults: readonly PackageNote[];
}

/** Reindexes the tree: the running service that owns it does it, or this process. */
export interface Reindexer {
  readonly isServiceRunning: boolean;
  readonly listRepositories: () => Promise<readonly RepositoryName[]>;
  /**
   * @throws AppError NOT_FOUND, INDEX_FAILED, ...
   */
  readonly reindex: (
    named: string,
    request: ReindexRequest,
    onProgress: (progress: IndexProgress) => void,
  ) => Promise<IndexFacts>;
  readonly close: () => Promise<void>;
}

const POLL_MS = 250;
const WAIT_SECONDS = 50;

/** @throws AppError TREE_LOCKED when another process owns the tree and answers no request, TREE_MISSING, TREE_UNUSABLE. */
export async function openReindexer(config: CommandConfig): Promise<Reindexer> {
  if (isLocked(createStateLayout(config.stateDir))) {
    const client = createServiceClient(config);
    await client.send('GET', '/api/v1/repositories', REPOSITORY_LIST);
    return throughService(client, config);
  }
  demandTree(config);
  // A file that another user makes would keep the service from starting.
  demandOwner(listFolders(config), 'reindex');
  return ofThisProcess(config, await openTree(config, createLog({ name: 'stderr', level: 'warn' })));
}

function ofThisProcess(config: CommandConfig, tree: Tree): Reindexer {
  const { storage, reindexParts } = tree;
  const { repositories, records } = storage;
  const { log, changes } = reindexParts;
  const tidy = createTidying(storage.publications, config.reindex, log);

  return {
    isServiceRunning: false,
    listRepositories: () => repositories.list(),
    reindex: async (named, { trust, isTakeOver }, onProgress) => {
      const repository = checkNamed(named, await repositories.list());
      const marks = await openMarks(tree.folders.marksDir);
      await records.takeAllBack(repository);
      changes.distrust(repository, trust);
      if (isTakeOver) changes.acceptTakeOver(repository);
      const run = { signal: new AbortController().signal, onProgress };
      const published = await reindexRepository(repository, reindexParts, run);
      await marks.clear(repository);
      await tidy(repository);
      const setAside = (await records.listSetAside(repository)).map(asNote);
      return { ...published, faults: [...setAside, ...(await records.listPackageFaults(repository))] };
    },
    close: tree.close,
  };
}

function throughService(client: ServiceClient, config: CommandConfig): Reindexer {
  const layout = createRepositoryLayout({ topDir: config.topDir, ...config.layout });
  // Reads the names from the disk: the service does not know yet a directory that was made by hand since its start.
  const repositories = openRepositories(layout);
  return {
    isServiceRunning: true,
    listRepositories: () => repositories.list(),
    reindex: async (named, { trust, isTakeOver }, onProgress) => {
      const repository = checkNamed(named, await repositories.list());
      const path = `/api/v1/repositories/${repository}`;
      const query = [...(trust === 'nothing' ? ['full=1'] : []), ...(isTakeOver ? ['takeOver=1'] : [])];
      await client.send('POST', `${path}/reindex?${query.join('&')}`, REPOSITORY_STATUS);
      const polling = new AbortController();
      const polled = pollProgress(client, path, onProgress, polling.signal);
      try {
        const facts = await published(client, path);
        const { setAside, packageFaults } = (await client.send('GET', path, REPOSITORY_DOCUMENT)).body;
        return { ...facts, faults: [...setAside.map(asNote), ...packageFaults] };
      } finally {
        polling.abort();
        await polled;
      }
    },
    close: async () => undefined,
  };
}

function asNote({ location, reason }: { readonly location: string; readonly reason: string }): PackageNote {
  return { location, code: 'PACKAGE_SET_ASIDE', reason };
}

/** @throws AppError of the run that failed. */
async function published(client: ServiceClient, path: string): Promise<Omit<IndexFacts, 'faults'>> {
  for (;;) {
    const { status, body } = await client.send('GET', `${path}?wait=${WAIT_SECONDS}`, REPOSITORY_STATUS);
    if (status === 200) return { packageCount: body.packageCount, revision: body.revision ?? '' };
  }
}

async function pollProgress(
  client: ServiceClient,
  path: string,
  onProgress: (progress: IndexProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted) {
      await setTimeout(POLL_MS, undefined, { signal });
      const { body } = await client.send('GET', path, REPOSITORY_STATUS);
      if (body.progress !== null) onProgress(body.progress);
    }
  } catch {
    // The request ends, or the service stopped; a caller that waits for the end learns it.
  }
}
