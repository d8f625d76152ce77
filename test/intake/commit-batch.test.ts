import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { createRequester, type Requester } from '../../src/trust/requester.ts';
import { ALL_RIGHTS, createRights } from '../../src/trust/rights.ts';
import { embeddedConfig } from '../../src/base/config/load.ts';
import { type AppError, toAppError } from '../../src/errors.ts';
import { BatchFolders } from '../../src/storage/local/batch-folders.ts';
import { openPipeline, type Pipeline } from '../../src/boot/open-pipeline.ts';
import { openTree, type Tree } from '../../src/boot/open-tree.ts';
import { QUOTAS } from '../../src/base/limits/quotas.ts';
import type { UploadOutcome } from '../../src/api/upload-outcome.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { openPipelineSite } from '../support/pipeline-site.ts';
import { openStorageAround, type StorageHooks } from '../support/open-storage-around.ts';
import { readerOnDisk, readIndex } from '../support/read-index.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const REPOSITORY = repo('9/x86_64');
const LOG = pino({ level: 'silent' });
const ALICE = createRequester({
  kind: 'token',
  name: 'alice',
  rights: createRights(ALL_RIGHTS),
  isProven: true,
});

interface Opened extends AsyncDisposable {
  readonly tree: Tree;
  readonly pipeline: Pipeline;
  readonly upload: (
    name: string,
    batch?: string,
    requester?: Requester,
    releasever?: string,
  ) => Promise<UploadOutcome>;
  readonly indexed: () => Promise<readonly string[]>;
}

/** A pipeline on a tree of its own. @param change what a test puts into its way. */
async function open(
  change: (tree: Tree) => Tree = (tree) => tree,
  hooks: StorageHooks = {},
): Promise<Opened> {
  const dir = await createTempDir();
  const embedded = embeddedConfig(dir.path);
  const config = { ...embedded, reindex: { ...embedded.reindex, quietMs: 0 } };
  const tree = change(await openTree(config, LOG, openStorageAround(hooks)));
  const pipeline = await openPipeline(config, tree, LOG);
  return {
    tree,
    pipeline,
    upload: async (name, batch, requester = ALICE, releasever?: string) => {
      const bytes = craftRpm({ name, release: '1.el9', arch: 'x86_64' });
      const path = join(tree.folders.incomingDir, randomUUID());
      await writeFile(path, bytes);
      const facts = { path, sizeBytes: bytes.length, sha256: undefined, expectedDigests: [] };
      return pipeline.ingest({ ...facts, releasever, batch, requester });
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

/** Something done before each link of a member into a repository. */
function beforeLinks(act: () => Promise<void> | void): StorageHooks {
  return {
    beforeAdd: async ({ location }) => {
      if (location.includes('/member')) await act();
    },
  };
}

const asItIs = (tree: Tree): Tree => tree;

describe('the commit of a batch', () => {
  test('waits for the index run under way, which would look at packages in the middle of it', async () => {
    const runBegun = Promise.withResolvers<void>();
    const runMayLook = Promise.withResolvers<void>();
    let isPlacing = false;
    const hooks = beforeLinks(() => {
      isPlacing = true;
    });
    await using site = await open((tree) => {
      const { engine } = tree.reindexParts;
      const build: typeof engine.build = async (job, run) => {
        runBegun.resolve();
        await runMayLook.promise;
        return engine.build({ ...job, trust: 'files' }, run);
      };
      return { ...tree, reindexParts: { ...tree.reindexParts, engine: { ...engine, build } } };
    }, hooks);
    const { pipeline } = site;
    await site.upload('first');
    for (const name of ['member1', 'member2', 'member3']) await site.upload(name, 'b');
    const published = pipeline.queue.of(REPOSITORY).whenPublished(30_000).then(site.indexed);
    await runBegun.promise;

    const commit = pipeline.batches.commit('b', ALICE);
    // It has looked at everything by the time that a later upload is placed.
    await site.upload('second');
    expect(isPlacing).toBe(false);
    runMayLook.resolve();
    expect(await published).not.toContain('Packages/member1-1.0-1.el9.x86_64.rpm');
    await commit;
    await pipeline.queue.of(REPOSITORY).whenPublished(30_000);
    expect(await site.indexed()).toHaveLength(5);
  });

  test('begins anew when the batch was dropped and staged with other packages while it waited', async () => {
    const runBegun = Promise.withResolvers<void>();
    const runMayEnd = Promise.withResolvers<void>();
    await using site = await open((tree) => {
      const { engine } = tree.reindexParts;
      const build: typeof engine.build = async (job, run) => {
        runBegun.resolve();
        await runMayEnd.promise;
        return engine.build(job, run);
      };
      return { ...tree, reindexParts: { ...tree.reindexParts, engine: { ...engine, build } } };
    });
    const { pipeline } = site;
    await site.upload('first');
    pipeline.queue.of(REPOSITORY).hurry();
    await runBegun.promise;
    await site.upload('member1', 'b');
    const commit = pipeline.batches.commit('b', ALICE);
    // It has read the batch by the time that another upload is placed.
    await site.upload('second');
    await pipeline.batches.drop('b', ALICE);
    await site.upload('member2', 'b');
    runMayEnd.resolve();
    expect(await commit).toMatchObject({ isNew: true, packages: [{ nevra: 'member2-1.0-1.el9.x86_64' }] });
    await pipeline.queue.of(REPOSITORY).whenPublished(30_000);
    expect(await site.indexed()).toEqual([
      'Packages/first-1.0-1.el9.x86_64.rpm',
      'Packages/member2-1.0-1.el9.x86_64.rpm',
      'Packages/second-1.0-1.el9.x86_64.rpm',
    ]);
  });

  test.each(['decision', 'placing'])(
    'that failed at its %s is completed by the next index run, before anything is published',
    async (step) => {
      let isBroken = true;
      const failAt = (reached: string): void => {
        if (isBroken && step === reached) throw new Error('EIO');
      };
      const openFolders = async (batchesDir: string): Promise<BatchFolders> => {
        const folders = await BatchFolders.open(batchesDir);
        const decide = folders.decide.bind(folders);
        vi.spyOn(folders, 'decide').mockImplementation(async (...decision) => {
          await decide(...decision);
          // As when the name is there, and its sync fails.
          failAt('decision');
        });
        return folders;
      };
      const hooks = { ...beforeLinks(() => failAt('placing')), openFolders };
      await using site = await open(asItIs, hooks);
      const { pipeline } = site;
      for (const name of ['member1', 'member2']) await site.upload(name, 'b');
      await expect(pipeline.batches.commit('b', ALICE)).rejects.toThrow(/EIO|unexpected error/);
      isBroken = false;
      await pipeline.queue.of(REPOSITORY).whenPublished(30_000);
      expect(await site.indexed()).toHaveLength(2);
      expect(await pipeline.batches.commit('b', ALICE)).toMatchObject({ isNew: false });
    },
  );

  test('is for those who may upload to all of its repositories, and so is adding to it', async () => {
    const bob = createRequester({
      kind: 'token',
      name: 'bob',
      rights: createRights({ upload: ['9/*'] }),
      isProven: true,
    });
    await using site = await open();
    await site.upload('member1', 'b', bob);
    const stranger = createRequester({
      kind: 'token',
      name: 'eve',
      rights: createRights({ upload: ['8/*'] }),
      isProven: true,
    });
    // Who may not read it does not learn that it is there, and no other client can put it out of its owner's reach.
    await expect(site.pipeline.batches.commit('b', stranger)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(site.upload('member1', 'b', stranger, '8')).rejects.toMatchObject({ code: 'RIGHT_MISSING' });
    expect(await site.pipeline.batches.commit('b', bob)).toMatchObject({ isNew: true });
  });

  test('asks for the rights anew when others have added packages while it waited', async () => {
    const bob = createRequester({
      kind: 'token',
      name: 'bob',
      rights: createRights({ read: ['*'], upload: ['9/*'] }),
      isProven: true,
    });
    const waiting = Promise.withResolvers<void>();
    await using site = await openPipelineSite({
      change: (tree) => ({
        ...tree,
        takeTurns: (key, task) => {
          if (key === 'commit of b') waiting.resolve();
          return tree.takeTurns(key, task);
        },
      }),
    });
    await site.upload('member1', { batch: 'b', requester: bob });
    const added = Promise.withResolvers<void>();
    const before = site.tree.takeTurns('commit of b', () => added.promise);
    const commit = site.pipeline.batches.commit('b', bob).catch(toAppError);
    await waiting.promise;
    await site.upload('member2', { batch: 'b', releasever: '8' });
    added.resolve();
    await before;
    expect(await commit).toMatchObject({ code: 'RIGHT_MISSING' });
    expect(await site.pipeline.batches.read('b', ALICE)).toMatchObject({ state: 'staged' });
  });

  test('is refused as a whole when one package cannot go there, and names it', async () => {
    await using site = await openPipelineSite();
    await site.upload('member1');
    await site.upload('member2', { batch: 'b' });
    await site.upload('member1', { batch: 'b', spec: { summary: 'other bytes' } });
    const refusal = await site.pipeline.batches.commit('b', ALICE).catch(toAppError);
    expect(refusal).toMatchObject({
      code: 'BATCH_REFUSED',
      details: { refused: [{ code: 'PACKAGE_CONFLICT' }] },
    });
    expect(await site.pipeline.batches.read('b', ALICE)).toMatchObject({ state: 'staged' });
    expect(await site.tree.storage.batches.listUnplaced()).toEqual([]);
  });

  test('tells a stranger of a batch neither that it is there nor what became of it', async () => {
    const stranger = createRequester({
      kind: 'token',
      name: 'eve',
      rights: createRights({ upload: ['8/*'] }),
      isProven: true,
    });
    // X-Signature: sha1= without a file.
    const unproven = { ...stranger, rights: createRights({ upload: ['*'] }), isProven: false };
    await using site = await open();
    const answers = async (id: string): Promise<readonly unknown[]> => {
      const attempts = [
        () => site.pipeline.batches.commit(id, stranger),
        () => site.pipeline.batches.drop(id, stranger),
        () => site.pipeline.batches.commit(id, unproven),
        () => site.pipeline.batches.drop(id, unproven),
      ];
      const errors: unknown[] = [];
      for (const attempt of attempts) errors.push(await attempt().catch(toAppError));
      return errors.map((error) =>
        JSON.parse(JSON.stringify(error, ['code', 'message', 'hint']).replaceAll(id, 'ID')),
      );
    };
    const ofNone = await answers('none');
    const ofName = (): Promise<AppError> =>
      site.upload('member1', 'taken-name', stranger, '8').then(() => toAppError('taken'), toAppError);
    await site.upload('member1', 'taken-name');
    expect(await answers('taken-name')).toEqual(ofNone);
    const staged = await ofName();
    await site.pipeline.batches.commit('taken-name', ALICE);
    expect(await answers('taken-name')).toEqual(ofNone);
    // That the name is taken cannot be hidden; whether it was committed is.
    expect(await ofName()).toMatchObject({ code: 'RIGHT_MISSING', message: staged.message });
    expect(staged.message).not.toContain('9/');
  });

  test('that cannot be placed is named to no reader of one of its repositories', async () => {
    const hooks = beforeLinks(() => {
      throw new Error('of 8/x86_64');
    });
    await using site = await open(asItIs, hooks);
    await site.upload('member1', 'secret-name', ALICE, '8');
    await site.upload('member2', 'secret-name');
    await expect(site.pipeline.batches.commit('secret-name', ALICE)).rejects.toMatchObject({
      code: 'BATCH_UNPLACED',
    });
    const error = await site.tree.storage
      .placeDecided(REPOSITORY)
      .then(() => toAppError('placed'), toAppError);
    expect(error.code).toBe('BATCH_UNPLACED');
    expect(`${error.message} ${error.hint}`).not.toMatch(/secret-name|8\//);
    expect(error.cause).toMatchObject({ message: expect.stringContaining('secret-name') });
  });

  test('holds also while the oldest of too many cannot be forgotten, and the next sweep forgets all of them', async () => {
    const quotas = {
      staged: QUOTAS.stagedBatches,
      committed: { each: 1, together: 10 },
      members: QUOTAS.membersOfBatch,
    };
    let isBroken = true;
    const openFolders = async (batchesDir: string): Promise<BatchFolders> => {
      const folders = await BatchFolders.open(batchesDir, quotas);
      const drop = folders.drop.bind(folders);
      vi.spyOn(folders, 'drop').mockImplementation(async (id) => {
        if (isBroken) throw new Error('EIO');
        await drop(id);
      });
      return folders;
    };
    await using site = await open(asItIs, { openFolders });
    const { batches } = site.pipeline;
    for (const id of ['b1', 'b2', 'b3']) {
      await site.upload(`member-${id}`, id);
      expect(await batches.commit(id, ALICE)).toMatchObject({ isNew: true });
    }
    await batches.settled();
    expect(await site.tree.storage.batches.listSurplus()).toEqual(['b1', 'b2']);
    isBroken = false;
    // Nothing of them expired.
    expect(await batches.sweep()).toEqual([]);
    expect((await site.tree.storage.batches.listStatus()).map(({ id }) => id)).toEqual(['b3']);
    await site.upload('member-b4', 'b4');
    await batches.commit('b4', ALICE);
    await batches.settled();
    expect((await site.tree.storage.batches.listStatus()).map(({ id }) => id)).toEqual(['b4']);
  });

  test('is waited for by the end of the service, also when no client waits for its answer', async () => {
    const linking = Promise.withResolvers<void>();
    const mayLink = Promise.withResolvers<void>();
    await using site = await open(
      asItIs,
      beforeLinks(async () => {
        linking.resolve();
        await mayLink.promise;
      }),
    );
    await site.upload('member1', 'b');
    const commit = site.pipeline.batches.commit('b', ALICE);
    await linking.promise;
    const closed = site.pipeline.close().then(() => 'closed');
    mayLink.resolve();
    const first = await Promise.race([closed, commit.then(() => 'committed')]);
    expect(first).toBe('committed');
    await closed;
  });
});
