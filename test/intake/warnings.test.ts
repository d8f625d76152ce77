import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createRequester } from '../../src/trust/requester.ts';
import { ALL_RIGHTS, createRights } from '../../src/trust/rights.ts';
import { type Config, embeddedConfig } from '../../src/base/config/load.ts';
import { openPipeline, type Pipeline } from '../../src/boot/open-pipeline.ts';
import { openTree } from '../../src/boot/open-tree.ts';
import type { UploadOutcome } from '../../src/api/upload-outcome.ts';
import { type CraftSpec, craftRpm } from '../support/craft-rpm.ts';
import { createTempDir } from '../support/temp-dir.ts';

const LOG = pino({ level: 'silent' });
const ALICE = createRequester({
  kind: 'token',
  name: 'alice',
  rights: createRights(ALL_RIGHTS),
  isProven: true,
});
const WARNED: CraftSpec = { description: 'a\u0001b' };
const WARNING = { code: 'TEXT_NOT_XML', tag: 'DESCRIPTION' };

interface Opened extends AsyncDisposable {
  readonly pipeline: Pipeline;
  readonly upload: (spec: CraftSpec, batch?: string) => Promise<UploadOutcome>;
}

async function open(change: (config: Config) => Config = (config) => config): Promise<Opened> {
  const dir = await createTempDir();
  const config = change(embeddedConfig(dir.path));
  const tree = await openTree(config, LOG);
  const pipeline = await openPipeline(config, tree, LOG);
  return {
    pipeline,
    upload: async (spec, batch) => {
      const bytes = craftRpm(spec);
      const path = join(tree.folders.incomingDir, randomUUID());
      await writeFile(path, bytes);
      const facts = { path, sizeBytes: bytes.length, sha256: undefined, expectedDigests: [] };
      return pipeline.ingest({ ...facts, releasever: undefined, batch, requester: ALICE });
    },
    async [Symbol.asyncDispose]() {
      await pipeline.endRuns();
      await pipeline.close();
      await tree.close();
      await dir.remove();
    },
  };
}

test('a package with a control character in its description is taken with a warning, however often it is sent', async () => {
  await using service = await open();
  expect(await service.upload(WARNED)).toMatchObject({ outcome: 'created', warnings: [WARNING] });
  expect(await service.upload(WARNED)).toMatchObject({ outcome: 'unchanged', warnings: [WARNING] });
  expect(await service.upload({ name: 'sound' })).not.toHaveProperty('warnings');
});

test('a member of a batch has its warnings in each of its answers', async () => {
  await using service = await open();
  expect(await service.upload(WARNED, 'b')).toMatchObject({ outcome: 'staged', warnings: [WARNING] });
  expect(await service.pipeline.batches.commit('b', ALICE)).toMatchObject({
    packages: [{ outcome: 'created', warnings: [WARNING] }],
  });
  expect(await service.upload(WARNED, 'b')).toMatchObject({ outcome: 'unchanged', warnings: [WARNING] });
});

test('a package whose digests hosts of its releasever do not trust is taken with a warning', async () => {
  await using service = await open();
  const editSignature: CraftSpec['editSignature'] = (tags) => tags.filter(({ tag }) => tag !== 273);
  expect(await service.upload({ release: '1.fc43', editSignature })).toMatchObject({
    outcome: 'created',
    warnings: [{ code: 'PACKAGE_DIGEST_WEAK' }],
  });
});

test('the engine that cannot replace a text has the package refused', async () => {
  await using service = await open((config) => ({
    ...config,
    reindex: { ...config.reindex, engine: 'createrepo' },
  }));
  await expect(service.upload(WARNED)).rejects.toMatchObject({
    code: 'TEXT_NOT_XML',
    details: { tag: 'DESCRIPTION', defect: 'control' },
  });
});
