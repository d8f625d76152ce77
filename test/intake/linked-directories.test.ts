import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createRequester } from '../../src/trust/requester.ts';
import { ALL_RIGHTS, createRights } from '../../src/trust/rights.ts';
import { embeddedConfig } from '../../src/base/config/load.ts';
import { openPipeline, type Pipeline } from '../../src/boot/open-pipeline.ts';
import { openTree } from '../../src/boot/open-tree.ts';
import type { UploadOutcome } from '../../src/api/upload-outcome.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { openStorageAround, type StorageHooks } from '../support/open-storage-around.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const REPOSITORY = repo('9/x86_64');
const DIRECTORIES = ['9', '9/x86_64', '9/x86_64/Packages', '9/x86_64/repodata'];
const LOG = pino({ level: 'silent' });
const FIRST = craftRpm({ name: 'first', release: '1.el9', arch: 'x86_64' });
const SECOND = craftRpm({ name: 'second', release: '1.el9', arch: 'x86_64' });
const LINKED = { code: 'STORAGE_FAILED', statusCode: 500 };
const requester = createRequester({
  kind: 'token',
  name: 'ci',
  rights: createRights(ALL_RIGHTS),
  isProven: true,
});

interface Site extends AsyncDisposable {
  readonly topDir: string;
  readonly pipeline: Pipeline;
  readonly upload: (bytes: Buffer, batch?: string) => Promise<UploadOutcome>;
  /** Moves a directory out of the tree and puts a link to it in its place. */
  readonly replaceByLink: (directory: string) => void;
  /** Puts it back. */
  readonly restore: (directory: string) => void;
}

/** A pipeline on a tree of its own. @param hooks what a test puts into its way. */
async function openSite(hooks: StorageHooks = {}): Promise<Site> {
  const dir = await createTempDir();
  const embedded = embeddedConfig(dir.path);
  const config = { ...embedded, reindex: { ...embedded.reindex, quietMs: 0 } };
  const tree = await openTree(config, LOG, openStorageAround(hooks));
  const { topDir, incomingDir } = tree.folders;
  const pipeline = await openPipeline(config, tree, LOG);
  const elsewhere = (directory: string): string =>
    join(dirname(topDir), 'elsewhere', directory.replaceAll('/', '-'));
  await mkdir(join(dirname(topDir), 'elsewhere'));
  return {
    topDir,
    pipeline,
    upload: async (bytes, batch) => {
      const path = join(incomingDir, randomUUID());
      await writeFile(path, bytes);
      const facts = { path, sizeBytes: bytes.length, sha256: undefined, expectedDigests: [] };
      try {
        return await pipeline.ingest({ ...facts, releasever: '9', batch, requester });
      } finally {
        await rm(path);
      }
    },
    replaceByLink: (directory) => {
      renameSync(join(topDir, directory), elsewhere(directory));
      symlinkSync(elsewhere(directory), join(topDir, directory));
    },
    restore: (directory) => {
      rmSync(join(topDir, directory));
      renameSync(elsewhere(directory), join(topDir, directory));
    },
    async [Symbol.asyncDispose]() {
      await pipeline.endRuns();
      await pipeline.close();
      await tree.close();
      await dir.remove();
    },
  };
}

async function indexedIn(topDir: string): Promise<readonly string[]> {
  const { packages } = await readIndex(readerOnDisk(topDir, REPOSITORY));
  return [...packages.keys()].toSorted();
}

describe.each(DIRECTORIES)('with a link in the place of %s', (directory) => {
  it('no upload is acknowledged and no index published; when the directory is back, all goes on', async () => {
    await using site = await openSite();
    const { pipeline, topDir } = site;
    const queue = pipeline.queue.of(REPOSITORY);
    await site.upload(FIRST);
    await queue.whenPublished(30_000);
    const indexed = await indexedIn(topDir);
    expect(indexed).toHaveLength(1);

    site.replaceByLink(directory);
    // One that is there already, behind the link, would be told to be where no host finds it.
    for (const bytes of [SECOND, FIRST]) {
      await expect(site.upload(bytes)).rejects.toMatchObject(LINKED);
    }
    expect(existsSync(join(topDir, REPOSITORY, 'Packages/second-1.0-1.el9.x86_64.rpm'))).toBe(false);
    queue.request();
    await expect(queue.whenPublished(30_000)).rejects.toMatchObject(LINKED);
    expect(await pipeline.findFaults()).toMatchObject([
      { affects: 'indexes', repository: REPOSITORY, error: { code: 'STORAGE_FAILED' } },
    ]);

    site.restore(directory);
    expect(await indexedIn(topDir)).toEqual(indexed);
    expect(await site.upload(SECOND)).toMatchObject({ outcome: 'created' });
    queue.retrySoon();
    await queue.whenPublished(30_000);
    expect(await indexedIn(topDir)).toHaveLength(2);
  });

  it('a batch is not committed, and stays for the next attempt', async () => {
    await using site = await openSite();
    await site.upload(FIRST);
    await site.upload(SECOND, 'b');
    site.replaceByLink(directory);
    await expect(site.pipeline.batches.commit('b', requester)).rejects.toMatchObject(LINKED);
    site.restore(directory);
    expect(await site.pipeline.batches.commit('b', requester)).toMatchObject({ isNew: true });
  });

  it('a repository is not begun behind it', async () => {
    await using site = await openSite();
    const elsewhere = join(dirname(site.topDir), 'elsewhere');
    await mkdir(dirname(join(site.topDir, directory)), { recursive: true });
    symlinkSync(elsewhere, join(site.topDir, directory));
    await expect(site.upload(FIRST)).rejects.toMatchObject(LINKED);
    expect(await readdir(elsewhere)).toEqual([]);
  });
});

describe('a directory that is exchanged while a package is placed', () => {
  it('for a link acknowledges nothing', async () => {
    let exchange = (): void => undefined;
    await using site = await openSite({ beforeAdd: () => exchange() });
    await site.upload(FIRST);
    exchange = () => site.replaceByLink('9/x86_64/Packages');
    await expect(site.upload(SECOND)).rejects.toMatchObject(LINKED);
  });

  it('for a link, and back, acknowledges nothing that is not there', async () => {
    let before = (): void => undefined;
    let after = (): void => undefined;
    await using site = await openSite({ beforeAdd: () => before(), afterAdd: () => after() });
    await site.upload(FIRST);
    const elsewhere = join(dirname(site.topDir), 'elsewhere');
    const packages = join(site.topDir, '9/x86_64/Packages');
    before = () => {
      renameSync(packages, `${packages}.kept`);
      symlinkSync(elsewhere, packages);
    };
    after = () => {
      rmSync(packages);
      renameSync(`${packages}.kept`, packages);
    };
    await expect(site.upload(SECOND)).rejects.toMatchObject(LINKED);
  });
});
