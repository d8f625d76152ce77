import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { embeddedConfig } from '../../src/base/config/load.ts';
import { openPipeline } from '../../src/boot/open-pipeline.ts';
import { openTree } from '../../src/boot/open-tree.ts';
import { QUOTAS } from '../../src/base/limits/quotas.ts';
import type { RepositoryCommands } from '../../src/indexing/repository-commands.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const MIB = 1024 * 1024;
const LOG = pino({ level: 'silent' });
const REPOSITORY = repo('9/x86_64');
const REFUSED = { code: 'QUOTA_REACHED', statusCode: 429 };

interface Opened extends AsyncDisposable {
  readonly requests: RepositoryCommands;
  readonly repomdPath: string;
  readonly put: (type: string) => Promise<void>;
}

/** A repository whose repomd.xml names this many types of metadata that can be put. */
async function openWith(typeCount: number): Promise<Opened> {
  const dir = await createTempDir();
  const config = embeddedConfig(dir.path);
  const tree = await openTree(config, LOG);
  const repodata = join(tree.folders.topDir, REPOSITORY, 'repodata');
  await mkdir(repodata, { recursive: true });
  const elements = Array.from(
    { length: typeCount },
    (_, number) =>
      `<data type="type${number}"><checksum type="sha256">${'0'.repeat(64)}</checksum><location href="repodata/a"/></data>`,
  );
  const repomdPath = join(repodata, 'repomd.xml');
  await writeFile(repomdPath, `<repomd>${elements.join('')}</repomd>`);
  const pipeline = await openPipeline(config, tree, LOG);
  return {
    requests: pipeline.requests,
    repomdPath,
    put: async (type) => {
      const path = join(tree.folders.incomingDir, type);
      await writeFile(path, 'text');
      using _ = await pipeline.requests.putMetadata(REPOSITORY, type, { path, sender: { owner: 'alice' } });
    },
    async [Symbol.asyncDispose]() {
      await pipeline.endRuns();
      await pipeline.close();
      await tree.close();
      await dir.remove();
    },
  };
}

describe('the quota of types of metadata', () => {
  test('has room for one of two that come at once, and for those that are there', async () => {
    await using site = await openWith(QUOTAS.metadataTypes - 1);
    const results = await Promise.allSettled([site.put('a'), site.put('b')]);
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(results).toContainEqual({ status: 'rejected', reason: expect.objectContaining(REFUSED) });
    await expect(site.requests.checkMetadataTarget(REPOSITORY, 'c')).rejects.toMatchObject(REFUSED);
    await site.requests.checkMetadataTarget(REPOSITORY, 'type0');
  });

  test('reads no repomd.xml that is larger than any: the next run replaces it', async () => {
    await using site = await openWith(QUOTAS.metadataTypes);
    await expect(site.requests.checkMetadataTarget(REPOSITORY, 'a')).rejects.toMatchObject(REFUSED);
    const small = await readFile(site.repomdPath, 'utf8');
    await writeFile(site.repomdPath, small.replace('</repomd>', `${' '.repeat(17 * MIB)}</repomd>`));
    await site.requests.checkMetadataTarget(REPOSITORY, 'a');
  });
});
