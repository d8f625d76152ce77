import { copyFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openPipelineSite } from '../support/pipeline-site.ts';
import { repo } from '../support/repo.ts';

const REPOSITORY = repo('9/x86_64');
const LOCATION = 'Packages/some-1.0-1.el9.x86_64.rpm';

describe('an upload', () => {
  it('is not set aside any more because another file of its name was', async () => {
    await using site = await openPipelineSite();
    const { records } = site.tree.storage;
    await site.upload('other');
    const identity = 'of another file';
    await records.setAside([
      { repository: REPOSITORY, location: LOCATION, identity, reason: 'a reason', sinceMs: 0 },
    ]);
    // An index run would find out by itself.
    await site.pipeline.queue.whileHeld([REPOSITORY], async () => {
      const { places } = await site.upload('some');
      expect(places).toMatchObject([{ repository: REPOSITORY, state: 'waiting' }]);
      expect(await records.listSetAside(REPOSITORY)).toEqual([]);
    });
  });

  it('is told to the next index run', async () => {
    await using site = await openPipelineSite();
    await site.pipeline.queue.whileHeld([REPOSITORY], async () => {
      const { sha256 } = await site.upload('some');
      const { placed } = site.tree.reindexParts.changes.take(REPOSITORY);
      expect([...placed]).toEqual([[LOCATION, sha256]]);
    });
  });

  it('waits for another one of its name, and is then unchanged', async () => {
    const gate = Promise.withResolvers<void>();
    let prepared = 0;
    await using site = await openPipelineSite({
      hooks: {
        beforePrepare: () => {
          prepared += 1;
          return prepared === 1 ? gate.promise : undefined;
        },
      },
    });
    const twice = [site.upload('some'), site.upload('some')];
    // What begins later and waits for nothing is done when it could have been the turn of the second.
    await site.upload('other');
    expect(prepared).toBe(2);
    gate.resolve();
    const outcomes = await Promise.all(twice);
    expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual(['created', 'unchanged']);
  });

  it('makes its repository anew that a person removed while the service runs', async () => {
    await using site = await openPipelineSite();
    await site.pipeline.waitUntilInstallable(await site.upload('other'), 30_000);
    const directory = join(site.tree.folders.topDir, REPOSITORY);
    await rm(directory, { recursive: true });
    const outcome = await site.upload('some');
    expect(await readdir(join(directory, 'Packages'))).toEqual(['some-1.0-1.el9.x86_64.rpm']);
    expect(await readdir(join(directory, 'repodata'))).toContain('repomd.xml');
    expect(await site.pipeline.waitUntilInstallable(outcome, 30_000)).toMatchObject({ outcome: 'created' });
  });

  it('that changes nothing syncs the file that is there: a person may have put it back', async () => {
    const synced: string[] = [];
    await using site = await openPipelineSite({
      hooks: { onSync: ({ location }) => void synced.push(location) },
    });
    await site.upload('some');
    expect(synced).toEqual([]);
    const path = join(site.tree.folders.topDir, REPOSITORY, LOCATION);
    await copyFile(path, `${path}.copy`);
    await rename(`${path}.copy`, path);
    expect(await site.upload('some')).toMatchObject({ outcome: 'unchanged' });
    expect(synced).toEqual([LOCATION]);
  });
});
