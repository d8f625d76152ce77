import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Config } from '../config/load.ts';
import { AppError } from '../errors.ts';
import { createLog } from '../log.ts';
import { openTree, type Tree } from '../open-tree.ts';
import type { IndexProgress } from '../reindex/index-engine.ts';
import { openMarks } from '../reindex/marks.ts';
import { reindexRepository } from '../reindex/reindex-repository.ts';
import type { PublishedIndex } from '../reindex/repository-queue.ts';
import { createTidying } from '../reindex/tidy-repository.ts';
import { createServiceClient, type ServiceClient } from './service-client.ts';

/** Whoever may reindex the tree: the running service that owns it, or this process. */
export interface Reindexer {
  readonly listRepositories: () => Promise<readonly string[]>;
  /**
   * @param trust `nothing`: every package is read again.
   * @throws AppError NOT_FOUND, INDEX_FAILED, ...
   */
  readonly reindex: (
    repository: string,
    trust: 'files' | 'nothing',
    onProgress: (progress: IndexProgress) => void,
  ) => Promise<PublishedIndex>;
  readonly close: () => Promise<void>;
}

const POLL_MS = 250;
const WAIT_SECONDS = 50;

/** @throws AppError TREE_LOCKED when another process owns the tree and answers no request. */
export async function openReindexer(config: Config): Promise<Reindexer> {
  try {
    return ofThisProcess(config, await openTree(config, createLog({ name: 'stderr', level: 'warn' })));
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'TREE_LOCKED') throw error;
    const client = createServiceClient(config);
    await client.send('GET', '/api/v1/repositories');
    return throughService(client);
  }
}

function ofThisProcess(config: Config, tree: Tree): Reindexer {
  const { store, records, layout, reindexParts } = tree;
  const { now, log, changes } = reindexParts;
  const tidy = createTidying({ layout, records, keepRules: config.reindex, now, log });

  return {
    listRepositories: () => store.listRepositories(),
    reindex: async (repository, trust, onProgress) => {
      const known = await store.listRepositories();
      if (!known.includes(repository)) throw noRepository(repository);
      const marks = await openMarks(join(tree.folders.stateDir, 'marks'));
      records.takeAllBack(repository);
      changes.distrust(repository, trust);
      const run = { signal: new AbortController().signal, onProgress };
      const published = await reindexRepository(repository, reindexParts, run);
      await marks.clear(repository);
      await tidy(repository);
      return published;
    },
    close: tree.close,
  };
}

function throughService(client: ServiceClient): Reindexer {
  return {
    listRepositories: async () => {
      const { body } = await client.send('GET', '/api/v1/repositories');
      const { repositories }: { repositories: readonly { repository: string }[] } = Object.assign(
        { repositories: [] },
        body,
      );
      return repositories.map(({ repository }) => repository);
    },
    reindex: async (repository, trust, onProgress) => {
      const path = `/api/v1/repositories/${repository}`;
      await client.send('POST', `${path}/reindex${trust === 'nothing' ? '?full=1' : ''}`);
      const polling = new AbortController();
      const polled = pollProgress(client, path, onProgress, polling.signal);
      try {
        return await published(client, path);
      } finally {
        polling.abort();
        await polled;
      }
    },
    close: async () => undefined,
  };
}

/** @throws AppError of the run that failed. */
async function published(client: ServiceClient, path: string): Promise<PublishedIndex> {
  for (;;) {
    const { status, body } = await client.send('GET', `${path}?wait=${WAIT_SECONDS}`);
    if (status === 202) continue;
    const { packageCount, revision }: PublishedIndex = Object.assign({ packageCount: 0, revision: '' }, body);
    return { packageCount, revision };
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
      const { body } = await client.send('GET', path);
      const { progress }: { progress: IndexProgress | null } = Object.assign({ progress: null }, body);
      if (progress !== null) onProgress(progress);
    }
  } catch {
    // It is over, or the service stopped, which whoever waits for the end is told.
  }
}

function noRepository(repository: string): AppError {
  return new AppError('NOT_FOUND', `there is no repository ${repository}`, {
    hint: 'A repository is named <releasever>/<basearch>, as its directory below repo.top_dir.',
  });
}
