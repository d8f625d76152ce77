import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { createRequester } from '../../src/trust/requester.ts';
import { ALL_RIGHTS, createRights } from '../../src/trust/rights.ts';
import { embeddedConfig } from '../../src/base/config/load.ts';
import { openPipeline, type Pipeline } from '../../src/boot/open-pipeline.ts';
import { openTree } from '../../src/boot/open-tree.ts';
import { QUOTAS } from '../../src/base/limits/quotas.ts';
import type { UploadOutcome } from '../../src/api/upload-outcome.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { createTempDir } from '../support/temp-dir.ts';

const LOG = pino({ level: 'silent' });
const ALICE = createRequester({
  kind: 'token',
  name: 'alice',
  rights: createRights(ALL_RIGHTS),
  isProven: true,
});

interface Opened extends AsyncDisposable {
  readonly pipeline: Pipeline;
  readonly upload: (arch: string, batch?: string) => Promise<UploadOutcome>;
  readonly releasevers: () => Promise<readonly string[]>;
  readonly topDir: string;
}

/** One more than an owner may make in a day. */
const TOO_MANY = Array.from({ length: QUOTAS.newRepositoriesADay + 1 }, (_, number) => `arch${number}`);

/** @param noarchBasearches where a noarch package goes. */
async function open(noarchBasearches: readonly string[] = TOO_MANY): Promise<Opened> {
  const dir = await createTempDir();
  const embedded = embeddedConfig(dir.path);
  const config = { ...embedded, layout: { ...embedded.layout, noarchBasearches } };
  const tree = await openTree(config, LOG);
  const pipeline = await openPipeline(config, tree, LOG);
  return {
    pipeline,
    upload: async (arch, batch) => {
      const bytes = craftRpm({ name: 'some', release: '1.el9', arch });
      const path = join(tree.folders.incomingDir, randomUUID());
      await writeFile(path, bytes);
      const facts = { path, sizeBytes: bytes.length, sha256: undefined, expectedDigests: [] };
      return pipeline.ingest({ ...facts, releasever: undefined, batch, requester: ALICE });
    },
    releasevers: () => readdir(tree.folders.topDir),
    topDir: tree.folders.topDir,
    async [Symbol.asyncDispose]() {
      await pipeline.endRuns();
      await pipeline.close();
      await tree.close();
      await dir.remove();
    },
  };
}

describe('the quota of new repositories', () => {
  test('refuses a package before any of them is made, and none that goes where a repository may be', async () => {
    await using site = await open();
    await expect(site.upload('noarch')).rejects.toMatchObject({ code: 'QUOTA_REACHED' });
    expect(await site.releasevers()).not.toContain('9');
    expect(await site.upload('x86_64')).toMatchObject({ outcome: 'created' });
  });

  test('refuses the commit of a batch before it is decided', async () => {
    await using site = await open();
    await site.upload('noarch', 'b');
    await expect(site.pipeline.batches.commit('b', ALICE)).rejects.toMatchObject({ code: 'QUOTA_REACHED' });
    expect(await site.releasevers()).not.toContain('9');
    expect(await site.pipeline.batches.read('b', ALICE)).toMatchObject({ state: 'staged' });
  });
});

describe('where noarch packages have a repository of their own', () => {
  test('it is made with the first of its releasever, whose .repo file names it', async () => {
    await using site = await open([]);
    await site.upload('x86_64');
    const repoFile = await readFile(join(site.topDir, '9/x86_64.repo'), 'utf8');
    expect(repoFile.match(/^baseurl=.*/gm)).toHaveLength(2);
    expect(repoFile).toContain('/repo/9/noarch/');
    await expect(readFile(join(site.topDir, '9/noarch/repodata/repomd.xml'), 'utf8')).resolves.toContain(
      '<repomd',
    );
    expect(await readdir(join(site.topDir, '9'))).toEqual(
      expect.arrayContaining(['noarch', 'noarch.repo', 'x86_64', 'x86_64.repo']),
    );
  });
});
