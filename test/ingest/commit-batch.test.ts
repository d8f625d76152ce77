import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { createRequester } from '../../src/access/requester.ts';
import { ALL_RIGHTS, createRights } from '../../src/access/rights.ts';
import { embeddedConfig } from '../../src/config/load.ts';
import { clientConfigOf, openPipeline, type Pipeline } from '../../src/open-pipeline.ts';
import { openTree, type Tree } from '../../src/open-tree.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { createTempDir } from '../support/temp-dir.ts';

const REPOSITORY = '9/x86_64';
const LOG = pino({ level: 'silent' });
const ALICE = createRequester({
  kind: 'token',
  name: 'alice',
  rights: createRights(ALL_RIGHTS),
  isProven: true,
});
// Long enough for a run that is not held back to look at the packages.
const RUN_HEAD_START_MS = 300;

interface Opened extends AsyncDisposable {
  readonly tree: Tree;
  readonly pipeline: Pipeline;
  readonly upload: (name: string, batch?: string) => Promise<unknown>;
  readonly indexed: () => Promise<readonly string[]>;
}

/** A pipeline on a tree of its own. @param change what a test puts into its way. */
async function open(change: (tree: Tree) => Tree): Promise<Opened> {
  const dir = await createTempDir();
  const config = embeddedConfig(dir.path);
  const tree = change(await openTree({ ...config, reindex: { ...config.reindex, quietMs: 0 } }, LOG));
  const quick = { ...config, reindex: { ...config.reindex, quietMs: 0 } };
  const pipeline = await openPipeline(quick, tree, clientConfigOf(config, tree), LOG);
  return {
    tree,
    pipeline,
    upload: async (name, batch) => {
      const bytes = craftRpm({ name, release: '1.el9', arch: 'x86_64' });
      const path = join(tree.folders.incomingDir, randomUUID());
      await writeFile(path, bytes);
      const facts = { path, sizeBytes: bytes.length, sha256: undefined, expectedDigests: [] };
      return pipeline.ingest({ ...facts, releasever: undefined, batch, requester: ALICE });
    },
    indexed: async () => {
      const { packages } = await readIndex(readerOnDisk(tree.folders.topDir, REPOSITORY));
      return [...packages.keys()].toSorted();
    },
    async [Symbol.asyncDispose]() {
      await pipeline.endRuns();
      await pipeline.close();
      await tree.close();
      await dir.remove();
    },
  };
}

describe('the commit of a batch', () => {
  test('waits for the index run under way, which would look at packages in the middle of it', async () => {
    const firstLink = Promise.withResolvers<void>();
    let isRunAwaited = false;
    await using site = await open((tree) => ({
      ...tree,
      store: {
        ...tree.store,
        add: async (path, target) => {
          const isAdded = await tree.store.add(path, target);
          if (target.includes('/member')) {
            firstLink.resolve();
            await delay(RUN_HEAD_START_MS);
          }
          return isAdded;
        },
      },
      reindexParts: {
        ...tree.reindexParts,
        engine: {
          ...tree.reindexParts.engine,
          // Every run looks at the packages late: when a commit has begun to place, if that is possible.
          build: async (job, run) => {
            if (isRunAwaited) await Promise.race([firstLink.promise, delay(RUN_HEAD_START_MS)]);
            return tree.reindexParts.engine.build({ ...job, trust: 'files' }, run);
          },
        },
      },
    }));
    const { pipeline } = site;
    await site.upload('first');
    await pipeline.queue.of(REPOSITORY).whenPublished(30_000);
    for (const name of ['member1', 'member2', 'member3']) await site.upload(name, 'b');

    isRunAwaited = true;
    pipeline.queue.of(REPOSITORY).request();
    const published = pipeline.queue.of(REPOSITORY).whenPublished(30_000).then(site.indexed);
    // The run has begun by then.
    await delay(RUN_HEAD_START_MS / 3);
    const commit = pipeline.batches.commit('b', ALICE);
    expect(await published).toEqual(['Packages/first-1.0-1.el9.x86_64.rpm']);
    await commit;
    await pipeline.queue.of(REPOSITORY).whenPublished(30_000);
    expect(await site.indexed()).toHaveLength(4);
  });
});
