import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { LocalPublications } from '../../../src/storage/local/local-publications.ts';
import { SqliteRecords } from '../../../src/storage/local/sqlite-records.ts';
import { plainLayout } from '../../support/index-engines.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { PUBLISHED_REPOSITORY, type PublicationsBed, tryPublications } from '../suites/publications-suite.ts';

// Steps of the disk itself are tried with the running service: test/faults/publish-kill.test.ts, fsync-errors.test.ts.
const NOTES: ReadonlySet<string> = new Set([
  'noteSuperseded',
  'forgetSuperseded',
  'markPublished',
  'replaceSuperseded',
]);

describe('publications in directories', () => {
  tryPublications(async () => {
    const dir = await createTempDir();
    return openBed(dir.path, () => dir.remove(), 0);
  });
});

async function openBed(
  root: string,
  remove: () => Promise<void>,
  passedMs: number,
): Promise<PublicationsBed> {
  const layout = plainLayout(join(root, 'storage'));
  await mkdir(join(root, 'state'), { recursive: true });
  const records = new SqliteRecords(join(root, 'state'));
  let stepsLeft = Number.POSITIVE_INFINITY;
  const step = (): void => {
    stepsLeft -= 1;
    if (stepsLeft <= 0) throw new Error('EIO');
  };
  const counted = new Proxy(records, {
    get: (target, name: keyof SqliteRecords) => {
      if (NOTES.has(name)) step();
      return target[name].bind(target);
    },
  });
  let clockMs = passedMs;
  const publications = new LocalPublications({
    layout,
    scratchRoot: join(root, 'state', 'scratch'),
    records: counted,
    now: () => Date.UTC(2026, 0, 1) + clockMs,
    uptimeMs: () => clockMs,
    onLeftover: () => undefined,
  });
  return {
    publications,
    records,
    pass: (ms) => {
      clockMs += ms;
    },
    isReadable: async () => {
      const repomd = await publications.current(PUBLISHED_REPOSITORY);
      const directory = layout.directoryOf(PUBLISHED_REPOSITORY);
      return repomd?.data.every(({ href }) => existsSync(join(directory, href))) ?? false;
    },
    stopAtStep: (step) => {
      stepsLeft = step;
    },
    crashAndReopen: async () => {
      await records.close();
      return openBed(root, remove, clockMs);
    },
    [Symbol.asyncDispose]: async () => {
      await records.close();
      await remove();
    },
  };
}
