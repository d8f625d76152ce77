import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import type { UploadOutcome } from '../../src/api/upload-outcome.ts';
import { embeddedConfig } from '../../src/base/config/load.ts';
import { openPipeline, type Pipeline } from '../../src/boot/open-pipeline.ts';
import { openTree, type Tree } from '../../src/boot/open-tree.ts';
import { createRequester, type Requester } from '../../src/trust/requester.ts';
import { ALL_RIGHTS, createRights } from '../../src/trust/rights.ts';
import { type CraftSpec, craftRpm } from './craft-rpm.ts';
import { openStorageAround, type StorageHooks } from './open-storage-around.ts';
import { createTempDir } from './temp-dir.ts';

const LOG = pino({ level: 'silent' });

/** A client that may do everything. */
export const ALICE = createRequester({
  kind: 'token',
  name: 'alice',
  rights: createRights(ALL_RIGHTS),
  isProven: true,
});

export interface SentPackage {
  /** Default: a package of `el9` and x86_64. */
  readonly spec?: CraftSpec;
  readonly releasever?: string;
  readonly batch?: string;
  /** Default: Alice. */
  readonly requester?: Requester;
}

/** All that lies between an upload and an index, on a tree of its own, without HTTP. */
export interface PipelineSite extends AsyncDisposable {
  readonly tree: Tree;
  readonly pipeline: Pipeline;
  readonly upload: (name: string, sent?: SentPackage) => Promise<UploadOutcome>;
}

export interface PipelineSiteOptions {
  /** Fields of the section `reindex`; index runs have no quiet time. */
  readonly reindex?: Partial<ReturnType<typeof embeddedConfig>['reindex']>;
  /** What a test puts into the pipeline's way. */
  readonly change?: (tree: Tree) => Tree;
  /** What a test does around the steps of the storage. */
  readonly hooks?: StorageHooks;
}

export async function openPipelineSite(options: PipelineSiteOptions = {}): Promise<PipelineSite> {
  const { reindex = {}, change = (tree) => tree, hooks = {} } = options;
  const dir = await createTempDir();
  const embedded = embeddedConfig(dir.path);
  const config = { ...embedded, reindex: { ...embedded.reindex, quietMs: 0, ...reindex } };
  const tree = change(await openTree(config, LOG, openStorageAround(hooks)));
  const pipeline = await openPipeline(config, tree, LOG);
  return {
    tree,
    pipeline,
    upload: async (name, { spec, releasever, batch, requester = ALICE } = {}) => {
      const bytes = craftRpm({ name, release: '1.el9', arch: 'x86_64', ...spec });
      const path = join(tree.folders.incomingDir, randomUUID());
      await writeFile(path, bytes);
      const facts = { path, sizeBytes: bytes.length, sha256: undefined, expectedDigests: [] };
      return pipeline.ingest({ ...facts, releasever, batch, requester });
    },
    async [Symbol.asyncDispose]() {
      await pipeline.endRuns();
      await pipeline.close();
      await tree.close();
      await dir.remove();
    },
  };
}
