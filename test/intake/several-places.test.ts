import { randomUUID } from 'node:crypto';
import { readdir, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRequester, type Requester } from '../../src/trust/requester.ts';
import { ALL_RIGHTS, createRights, type Grants } from '../../src/trust/rights.ts';
import { embeddedConfig } from '../../src/base/config/load.ts';
import { openPipeline, type Pipeline } from '../../src/boot/open-pipeline.ts';
import { openTree, type Tree } from '../../src/boot/open-tree.ts';
import type { UploadOutcome } from '../../src/api/upload-outcome.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { createTempDir } from '../support/temp-dir.ts';

const LOG = pino({ level: 'silent' });

interface Sent {
  readonly releasever?: string;
  readonly arch?: string;
  readonly summary?: string;
  readonly batch?: string;
  readonly grants?: Grants;
}

let dir: Awaited<ReturnType<typeof createTempDir>>;
let tree: Tree;
let pipeline: Pipeline;

beforeEach(async () => {
  dir = await createTempDir();
  const config = embeddedConfig(dir.path);
  tree = await openTree(config, LOG);
  pipeline = await openPipeline(config, tree, LOG);
});

afterEach(async () => {
  await pipeline.endRuns();
  await pipeline.close();
  await tree.close();
  await dir.remove();
});

const requesterWith = (grants: Grants): Requester =>
  createRequester({ kind: 'token', name: 'ci', rights: createRights(grants), isProven: true });

async function upload(sent: Sent): Promise<UploadOutcome> {
  const { releasever, arch = 'x86_64', summary = 'one', batch, grants = ALL_RIGHTS } = sent;
  const bytes = craftRpm({ name: 'some', release: '1.el9', arch, summary });
  const path = join(tree.folders.incomingDir, randomUUID());
  await writeFile(path, bytes);
  const facts = { path, sizeBytes: bytes.length, sha256: undefined, expectedDigests: [] };
  return pipeline.ingest({ ...facts, releasever, batch, requester: requesterWith(grants) });
}

const repositoriesOf = ({ places }: UploadOutcome): readonly string[] =>
  places.map(({ repository }) => repository);

async function packagesIn(repository: string): Promise<readonly string[]> {
  return readdir(join(tree.folders.topDir, repository, 'Packages')).catch(() => []);
}

describe('a package of i686', () => {
  test('is in the repositories of i386 and of x86_64, and the answer names both', async () => {
    const outcome = await upload({ arch: 'i686' });
    expect(outcome.outcome).toBe('created');
    expect(repositoriesOf(outcome)).toEqual(['9/i386', '9/x86_64']);
    for (const repository of ['9/i386', '9/x86_64'])
      expect(await packagesIn(repository)).toEqual(['some-1.0-1.el9.i686.rpm']);
  });

  test('needs the right in both', async () => {
    const sent = upload({ arch: 'i686', grants: { upload: ['9/i386'] } });
    await expect(sent).rejects.toMatchObject({ code: 'RIGHT_MISSING' });
    expect(await packagesIn('9/i386')).toEqual([]);
  });

  test('that i386 alone has is linked into x86_64 when it is sent again', async () => {
    await upload({ arch: 'i686' });
    await unlink(join(tree.folders.topDir, '9/x86_64/Packages/some-1.0-1.el9.i686.rpm'));
    expect(await upload({ arch: 'i686' })).toMatchObject({ outcome: 'created' });
    expect(await packagesIn('9/x86_64')).toEqual(['some-1.0-1.el9.i686.rpm']);
    expect(await upload({ arch: 'i686' })).toMatchObject({ outcome: 'unchanged' });
  });
});

describe('an upload for several releasevers', () => {
  test('is in each of them', async () => {
    expect(repositoriesOf(await upload({ releasever: '9,8' }))).toEqual(['9/x86_64', '8/x86_64']);
    expect(await packagesIn('8/x86_64')).toEqual(['some-1.0-1.el9.x86_64.rpm']);
    expect(await upload({ releasever: '8' })).toMatchObject({ outcome: 'unchanged' });
    expect(await upload({ releasever: '7,8,9' })).toMatchObject({ outcome: 'created' });
  });

  test('is in none of them when one is closed to the client, or has another package of this name', async () => {
    const closed = upload({ releasever: '9,8', grants: { upload: ['9/*'] } });
    await expect(closed).rejects.toMatchObject({ code: 'RIGHT_MISSING' });
    expect(await packagesIn('9/x86_64')).toEqual([]);
    await upload({ releasever: '8', summary: 'other' });
    await expect(upload({ releasever: '9,8' })).rejects.toMatchObject({ code: 'PACKAGE_CONFLICT' });
    await expect(upload({ releasever: '9,../8' })).rejects.toMatchObject({ code: 'PARAMETER_INVALID' });
    expect(await packagesIn('9/x86_64')).toEqual([]);
  });

  test('waits for its turn with one for some of the same, so that both are right about what was there', async () => {
    const outcomes = await Promise.allSettled([
      upload({ releasever: '9,8' }),
      upload({ releasever: '8', summary: 'other' }),
      upload({ releasever: '8,9', summary: 'third' }),
    ]);
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    const conflict = { code: 'PACKAGE_CONFLICT', message: expect.stringContaining('already in') };
    expect(refused).toMatchObject([conflict, conflict]);
  });

  test('is committed with its batch into each of them', async () => {
    await upload({ releasever: '9,8', batch: 'b1' });
    expect(await packagesIn('9/x86_64')).toEqual([]);
    const { packages } = await pipeline.batches.commit('b1', requesterWith(ALL_RIGHTS));
    expect(packages.flatMap(repositoriesOf)).toEqual(['9/x86_64', '8/x86_64']);
    expect(await packagesIn('8/x86_64')).toEqual(['some-1.0-1.el9.x86_64.rpm']);
  });
});
