import { isCarried } from '../../src/rpm/foreign-types.ts';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ForeignMetadata } from '../../src/indexing/foreign-metadata.ts';
import type { KeptChange } from '../../src/indexing/kept-changes.ts';
import { writeIndex } from '../../src/indexing/engines/incremental/write-index.ts';
import { sha256Of } from '../support/send-request.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const REPOSITORY = repo('9/x86_64');
const TYPE = 'productid';

let root: TempDir;
let foreign: ForeignMetadata;
let count = 0;

beforeEach(async () => {
  root = await createTempDir();
  foreign = open();
});
afterEach(() => root.remove());

function open(): ForeignMetadata {
  const checks = {
    // Stands for the process that checks.
    check: async ({ path, packedPath = '' }: { path: string; packedPath?: string | undefined }) => {
      const content = await readFile(path);
      await writeFile(packedPath, gzipSync(content));
      return { openSha256: sha256Of(content) };
    },
    close: () => undefined,
  };
  return new ForeignMetadata(join(root.path, 'metadata'), checks, () => 0);
}

async function keep(text: string): Promise<KeptChange> {
  const path = join(root.path, `sent-${(count += 1)}`);
  await writeFile(path, text);
  await using packed = await foreign.pack(TYPE, path, { owner: 'alice' });
  return await foreign.keep(REPOSITORY, packed);
}

async function startRun() {
  const scratchDir = join(root.path, `scratch-${(count += 1)}`);
  await mkdir(scratchDir);
  await writeIndex([], { outputDir: scratchDir, format: 'gzip', nowMs: 0 });
  const added = await foreign.addTo(scratchDir, REPOSITORY, () => undefined);
  const repomd = await readFile(join(scratchDir, 'repodata/repomd.xml'), 'utf8');
  return { added, repomd };
}

test('a change that a later one replaces before a run is replaced, and the later one published', async () => {
  using first = await keep('first');
  using second = await keep('second');
  expect([first.fate(), second.fate()]).toEqual(['replaced', 'waiting']);
  const { added } = await startRun();
  await added.published();
  added[Symbol.dispose]();
  expect([first.fate(), second.fate()]).toEqual(['replaced', 'published']);
  expect(await foreign.isWaiting(REPOSITORY)).toBe(false);
});

test('a change that a run has taken up is published by it, whatever is put meanwhile, or replaced when it fails', async () => {
  using first = await keep('first');
  const run = await startRun();
  using second = await keep('second');
  expect(first.fate()).toBe('waiting');
  await run.added.published();
  run.added[Symbol.dispose]();
  expect([first.fate(), second.fate()]).toEqual(['published', 'waiting']);

  const failing = await startRun();
  using removal = await foreign.keepRemoval(REPOSITORY, TYPE);
  expect(second.fate()).toBe('waiting');
  failing.added[Symbol.dispose]();
  expect([second.fate(), removal.fate()]).toEqual(['replaced', 'waiting']);
  const last = await startRun();
  expect([...last.added.endedTypes]).toEqual([TYPE]);
  expect(last.repomd).not.toContain(TYPE);
  await last.added.published();
  expect(removal.fate()).toBe('published');
});

test('the same content twice is one change, which both senders see published', async () => {
  using first = await keep('same');
  using second = await keep('same');
  expect(first.fate()).toBe('waiting');
  const { added } = await startRun();
  await added.published();
  expect([first.fate(), second.fate()]).toEqual(['published', 'published']);
});

test('a file that is damaged is not published, and gives way to what is put next', async () => {
  using first = await keep('first');
  await writeFile(join(root.path, 'metadata/9@x86_64', `${TYPE}.gz`), gzipSync('first').subarray(0, 12));
  using watched = await foreign.keepRemoval(REPOSITORY, 'other');
  expect(first.fate()).toBe('replaced');
  foreign = open();
  expect(await foreign.waitingOf(REPOSITORY, TYPE)).toBeUndefined();
  const { added } = await startRun();
  expect([...added.endedTypes]).toEqual(['other']);
  expect(watched.fate()).toBe('waiting');
  using second = await keep('second');
  expect(second.fate()).toBe('waiting');
});

test('a file that an earlier process kept is published, and its content known', async () => {
  await keep('first');
  foreign = open();
  expect(await foreign.waitingOf(REPOSITORY, TYPE)).toMatchObject({
    kind: 'content',
    openSha256: sha256Of(Buffer.from('first')),
  });
  const { added, repomd } = await startRun();
  expect([...added.endedTypes]).toEqual([TYPE]);
  expect(repomd).toContain(`<data type="${TYPE}">`);
});

test('tags wait until a run has published them', async () => {
  const tags = { content: ['binary'], repo: [], distro: [{ cpeid: 'cpe:/o:x', name: 'X' }] };
  await foreign.keepTags(REPOSITORY, tags);
  expect(await foreign.isWaiting(REPOSITORY)).toBe(true);
  const { added } = await startRun();
  expect(added.tags).toEqual(tags);
  await added.published();
  expect(await foreign.isWaiting(REPOSITORY)).toBe(false);
});

test.each(['{}', 'null', '{"content":[1],"repo":[],"distro":[]}', '{'])(
  'tags that are damaged to %s are set aside, and the run goes on',
  async (text) => {
    await foreign.keepTags(REPOSITORY, { content: ['binary'], repo: [], distro: [] });
    await writeFile(join(root.path, 'metadata/9@x86_64/tags.json'), text);
    const { added } = await startRun();
    expect(added.tags).toBeUndefined();
    expect(await foreign.isWaiting(REPOSITORY)).toBe(false);
  },
);

test.each(['group', 'group_gz', 'group_zck', 'group_gz_zck', 'group_xz'])(
  '%s goes with a new group',
  (type) => {
    expect(isCarried(type, new Set(['group']))).toBe(false);
  },
);

test.each(['grouped', 'updateinfo_zck', 'my_group'])('%s stays beside a new group', (type) => {
  expect(isCarried(type, new Set(['group']))).toBe(true);
});
