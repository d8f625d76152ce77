import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Records } from '../../src/records/records.ts';
import { createContentChecks } from '../../src/reindex/content-checks.ts';
import { createForeignMetadata } from '../../src/reindex/foreign-metadata.ts';
import type { IndexEngine } from '../../src/reindex/index-engine.ts';
import { PendingChanges } from '../../src/reindex/pending-changes.ts';
import { readPublishedIndex, readRepomd } from '../../src/reindex/read-metadata.ts';
import {
  publishEmptyIndex,
  type ReindexParts,
  reindexRepository,
} from '../../src/reindex/reindex-repository.ts';
import { NO_TAGS, type RepomdTags } from '../../src/repodata/repomd-tags.ts';
import type { PublishedIndex } from '../../src/reindex/repository-queue.ts';
import { craftRpm, type CraftSpec } from '../support/craft-rpm.ts';
import { createrepoEngine, incrementalEngine, plainLayout } from '../support/index-engines.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const REPOSITORY = '9/x86_64';
const run = promisify(execFile);

let root: TempDir;
let records: Records;
let changes: PendingChanges;
let defaultEngine: IndexEngine;
let nowMs: number;
let warnings: object[];

beforeEach(async () => {
  root = await createTempDir();
  await mkdir(join(root.path, 'state'));
  records = new Records(join(root.path, 'state'));
  nowMs = Date.UTC(2026, 0, 1);
  warnings = [];
  changes = new PendingChanges();
  defaultEngine = createrepoEngine();
});
afterEach(async () => {
  await defaultEngine.close();
  records.close();
  await root.remove();
});

const repositoryDir = (): string => join(root.path, 'storage', REPOSITORY);

function parts(engine: IndexEngine): ReindexParts {
  return {
    layout: plainLayout(join(root.path, 'storage')),
    records,
    changes,
    engine,
    foreignMetadata: createForeignMetadata(
      join(root.path, 'state', 'metadata'),
      createContentChecks(),
      () => nowMs,
    ),
    formatOf: () => 'gzip',
    signer: undefined,
    placeDecided: async () => undefined,
    checkDirectories: () => undefined,
    publicUrl: 'http://repo.example.com',
    scratchRoot: join(root.path, 'state', 'scratch'),
    now: () => nowMs,
    log: { info: () => undefined, warn: (facts) => void warnings.push(facts) },
  };
}

async function reindex(
  engine = defaultEngine,
  signal = new AbortController().signal,
): Promise<PublishedIndex> {
  // As after a start, or when somebody asks for it: what was changed by hand is looked for.
  changes.distrust(REPOSITORY, 'files');
  return reindexRepository(REPOSITORY, parts(engine), { signal, onProgress: () => undefined });
}

async function put(name: string, spec: CraftSpec = {}): Promise<string> {
  const location = `Packages/${name}-1.0-1.noarch.rpm`;
  const path = join(repositoryDir(), location);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, craftRpm({ name, ...spec }));
  return location;
}

async function metadata(type: string): Promise<string> {
  const read = await readRepomd(repositoryDir());
  const href = read?.repomd.data.find((data) => data.type === type)?.href ?? '';
  return gunzipSync(await readFile(join(repositoryDir(), href))).toString();
}

async function indexedNames(): Promise<readonly string[]> {
  return [...(await metadata('primary')).matchAll(/<name>(.*?)<\/name>/g)].map(([, name]) => name ?? '');
}

/** An executable that does something before or instead of the real createrepo_c. */
async function script(body: string): Promise<string> {
  const path = join(root.path, `engine-${Math.random()}`);
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}

describe.each(['createrepo', 'incremental'])('a run of the %s engine', (name) => {
  beforeEach(() => {
    if (name === 'incremental') defaultEngine = incrementalEngine(join(root.path, 'state'));
  });

  it('publishes exactly the packages on disk, whose every named file has its checksum', async () => {
    await put('alpha');
    await put('beta');
    const published = await reindex();
    expect(published.packageCount).toBe(2);
    expect((await indexedNames()).toSorted()).toEqual(['alpha', 'beta']);
    const read = await readRepomd(repositoryDir());
    expect(read?.repomd.data.map(({ type }) => type).toSorted()).toEqual(['filelists', 'other', 'primary']);
    for (const { href, checksum } of read?.repomd.data ?? []) {
      const bytes = await readFile(join(repositoryDir(), href));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(checksum.hex);
      expect((await stat(join(repositoryDir(), href))).mode & 0o777).toBe(0o644);
    }
  });

  it('leaves nothing in scratch, whether it publishes or fails', async () => {
    await put('alpha');
    await reindex();
    await expect(reindex(createrepoEngine({ executable: '/nonexistent' }))).rejects.toMatchObject({
      code: 'INDEX_ENGINE_MISSING',
    });
    expect(await readdir(join(root.path, 'state', 'scratch'))).toEqual([]);
  });

  it('drops removed packages and keeps files that clients of the former index still ask for', async () => {
    await put('alpha');
    const gone = await put('beta');
    await reindex();
    const former = await readRepomd(repositoryDir());
    await rm(join(repositoryDir(), gone));
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
    for (const { href } of former?.repomd.data ?? []) {
      await expect(stat(join(repositoryDir(), href))).resolves.toBeDefined();
    }
  });

  it('carries metadata of others into the new repomd.xml unchanged, but no databases of the old packages', async () => {
    await put('alpha');
    await reindex();
    const xml = (await readRepomd(repositoryDir()))?.xml ?? '';
    const foreign = `<data type="updateinfo"><checksum type="sha256">${'a'.repeat(64)}</checksum><location href="repodata/${'a'.repeat(64)}-updateinfo.xml.gz"/><x:own xmlns:x="urn:x">kept &amp; whole</x:own></data>`;
    const database = foreign.replaceAll('updateinfo', 'primary_db');
    await writeFile(
      join(repositoryDir(), 'repodata', 'repomd.xml'),
      xml.replace('</repomd>', `${foreign}${database}</repomd>`),
    );
    await put('beta');
    await reindex();
    const after = (await readRepomd(repositoryDir()))?.xml ?? '';
    expect(after).toContain(foreign);
    expect(after).not.toContain('primary_db');
  });

  it('keeps the tags of others until the configuration says others, and takes those away that it empties', async () => {
    await put('alpha');
    await run('createrepo_c', ['--content=binary', '--repo=x', '--distro=cpe:/o:x,X 9', repositoryDir()]);
    await reindex();
    const theirs = { content: ['binary'], repo: ['x'], distro: [{ cpeid: 'cpe:/o:x', name: 'X 9' }] };
    expect((await readRepomd(repositoryDir()))?.repomd.tags).toEqual(theirs);

    const configured = { ...theirs, content: ['debug'] };
    const publishWith = (tags: RepomdTags): Promise<PublishedIndex> =>
      reindexRepository(
        REPOSITORY,
        { ...parts(defaultEngine), tagsOf: () => tags },
        { signal: new AbortController().signal, onProgress: () => undefined },
      );
    await publishWith(configured);
    expect((await readRepomd(repositoryDir()))?.repomd.tags).toEqual(configured);
    await reindex();
    expect((await readRepomd(repositoryDir()))?.repomd.tags).toEqual(configured);
    await publishWith(NO_TAGS);
    expect((await readRepomd(repositoryDir()))?.xml).not.toContain('tags');
  });

  it('ends every other form of metadata that is put', async () => {
    await put('alpha');
    const comps = join(root.path, 'comps.xml');
    await writeFile(comps, '<comps/>');
    await run('createrepo_c', ['-g', comps, '--zck', repositoryDir()]);
    for (const type of ['group_gz_zck', 'updateinfo', 'modules_zck']) {
      await run('modifyrepo_c', [`--mdtype=${type}`, '--zck', comps, join(repositoryDir(), 'repodata')]);
    }
    const foreign = parts(defaultEngine).foreignMetadata;
    await using packed = await foreign.pack('group', comps, { owner: 'a' });
    await foreign.keep(REPOSITORY, packed);
    await reindex();
    const types = (await readRepomd(repositoryDir()))?.repomd.data.map(({ type }) => type);
    expect(types?.filter((type) => !/^(?:primary|filelists|other)$/.test(type)).toSorted()).toEqual([
      'group',
      'modules_zck',
      'modules_zck_zck',
      'updateinfo',
      'updateinfo_zck',
    ]);
  });

  it('knows since when metadata with a plain name of its own is not named any more', async () => {
    await put('alpha');
    const comps = join(root.path, 'comps.xml');
    await writeFile(comps, '<comps/>');
    await run('createrepo_c', ['-g', comps, '--simple-md-filenames', repositoryDir()]);
    await reindex();
    expect(records.listSuperseded(REPOSITORY).map(({ fileName }) => fileName)).not.toContain('comps.xml');
    const foreign = parts(defaultEngine).foreignMetadata;
    await using packed = await foreign.pack('group', comps, { owner: 'a' });
    await foreign.keep(REPOSITORY, packed);
    await reindex();
    expect(records.listSuperseded(REPOSITORY)).toContainEqual({ fileName: 'comps.xml', sinceMs: nowMs });
  });

  it('replaces a damaged repomd.xml', async () => {
    await put('alpha');
    await reindex();
    await writeFile(join(repositoryDir(), 'repodata', 'repomd.xml'), '<repomd><data>');
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
  });
});

describe.each(['createrepo', 'incremental'])('packages that the %s engine cannot describe', (name) => {
  beforeEach(() => {
    if (name === 'incremental') defaultEngine = incrementalEngine(join(root.path, 'state'));
  });

  it('are set aside with the reason while the rest is published', async () => {
    await put('alpha');
    const location = await put('control', { dependencies: { provides: [{ name: 'con\u0001trol' }] } });
    const published = await reindex();
    expect(published.packageCount).toBe(1);
    expect(await indexedNames()).toEqual(['alpha']);
    expect(records.listSetAside(REPOSITORY)).toMatchObject([{ location }]);
    expect(records.listSetAside(REPOSITORY)[0]?.reason).toMatch(/control/);
  });

  it('are found when the engine writes XML that no reader takes, which would break the repository for all', async () => {
    await put('alpha');
    const location = await put('noncharacter', {
      summary: 'a \uFFFE noncharacter',
      dependencies: { provides: [{ name: 'non\uFFFEcharacter' }] },
    });
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
    expect(records.listSetAside(REPOSITORY)).toMatchObject([{ location }]);
    expect(await metadata('primary')).not.toContain('\uFFFE');
  });

  it.each([
    ['nest too deep', `${'('.repeat(100_000)}a${')'.repeat(100_000)}`],
    ['are too long', `(${'a or '.repeat(100_000)}a)`],
  ])('are set aside when their boolean dependencies %s for hosts', async (_, expression) => {
    await put('alpha');
    const location = await put('deep', { dependencies: { conflicts: [{ name: expression }] } });
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
    expect(records.listSetAside(REPOSITORY)).toMatchObject([
      { location, reason: expect.stringContaining('dependency') },
    ]);
  });

  it('are tried again when another file takes their place', async () => {
    await put('alpha', { dependencies: { provides: [{ name: '\u0001' }] } });
    await reindex();
    expect(await indexedNames()).toEqual([]);
    await put('alpha');
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
    expect(records.listSetAside(REPOSITORY)).toEqual([]);
  });
});

describe('a package that createrepo_c cannot describe', () => {
  it('is noticed when it is left out without a word', async () => {
    await put('alpha');
    const location = await put('beta');
    const engine = createrepoEngine({
      executable: await script(
        'for a; do [ "$p" = --pkglist ] && sed -i /beta/d "$a"; p=$a; done; exec createrepo_c "$@"',
      ),
    });
    await reindex(engine);
    expect(await indexedNames()).toEqual(['alpha']);
    expect(records.listSetAside(REPOSITORY)).toMatchObject([{ location }]);
  });
});

describe.each(['createrepo', 'incremental'])('with the %s engine, digests', (name) => {
  beforeEach(() => {
    if (name === 'incremental') defaultEngine = incrementalEngine(join(root.path, 'state'));
  });

  const receipt = (location: string, bytes: Uint8Array) => ({
    repository: REPOSITORY,
    location,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    nevra: 'alpha-1.0-1.noarch',
    sizeBytes: bytes.length,
    placedAtMs: nowMs,
    publishedAtMs: undefined,
  });

  it('of a file that was exchanged for one of equal size and mtime are read anew, not taken over', async () => {
    const first = craftRpm({ name: 'alpha', summary: 'one' });
    const second = craftRpm({ name: 'alpha', summary: 'two' });
    expect(second.length).toBe(first.length);
    const location = await put('alpha', { summary: 'one' });
    const path = join(repositoryDir(), location);
    await utimes(path, 1_000, 1_000);
    await reindex();
    await rm(path);
    await writeFile(path, second);
    await utimes(path, 1_000, 1_000);
    const acknowledged = receipt(location, second);
    records.saveReceipts([acknowledged]);
    await reindex();
    expect(await metadata('primary')).toContain(acknowledged.sha256);
    expect(records.receiptsOf(acknowledged.sha256)[0]?.publishedAtMs).toBe(nowMs);
  });

  it('that differ from the acknowledged ones give way to what is on disk, with a warning', async () => {
    const location = await put('alpha');
    records.saveReceipts([receipt(location, Buffer.from('other bytes'))]);
    await reindex();
    const onDisk = createHash('sha256')
      .update(await readFile(join(repositoryDir(), location)))
      .digest('hex');
    expect(records.receiptsOf(onDisk)[0]?.publishedAtMs).toBe(nowMs);
    expect(warnings).toMatchObject([{ location, sha256: onDisk }]);
  });
});

describe('an engine that fails', () => {
  async function expectFormerIndex(failing: Promise<unknown>, message: RegExp): Promise<void> {
    await expect(failing).rejects.toMatchObject({
      code: 'INDEX_FAILED',
      message: expect.stringMatching(message),
    });
    expect(await indexedNames()).toEqual(['alpha']);
  }

  beforeEach(async () => {
    await put('alpha');
    await reindex();
    await put('beta');
  });

  it('with an exit code keeps the former index and has its last words in the error', async () => {
    const executable = await script('echo "disk on fire" >&2; exit 3');
    await expectFormerIndex(reindex(createrepoEngine({ executable })), /exit code 3.*disk on fire/);
  });

  it('by hanging is ended after the time limit', async () => {
    const executable = await script('exec sleep 600');
    await expectFormerIndex(
      reindex(createrepoEngine({ executable, timeoutMs: 100 })),
      /did not finish in 0\.1 s/,
    );
  });

  it('by ignoring the request to stop is killed when the service stops', async () => {
    const executable = await script('exec sleep 600');
    await expectFormerIndex(reindex(createrepoEngine({ executable }), AbortSignal.timeout(100)), /stopping/);
  });

  it('by writing nothing is not published', async () => {
    await expectFormerIndex(
      reindex(createrepoEngine({ executable: await script('exit 0') })),
      /lacks repomd\.xml/,
    );
  });

  it('by describing a package that was not asked for is not published', async () => {
    await writeFile(join(repositoryDir(), '.hidden.rpm'), craftRpm({ name: 'hidden' }));
    const executable = await script(
      'for a; do [ "$p" = --pkglist ] && echo .hidden.rpm >> "$a"; p=$a; done; exec createrepo_c "$@"',
    );
    await expectFormerIndex(reindex(createrepoEngine({ executable })), /not asked for/);
  });

  it('by contradicting itself between primary and filelists is not published', async () => {
    const executable = await script(
      'for a; do [ "$p" = --outputdir ] && out=$a; p=$a; done; createrepo_c "$@" && for f in "$out"/repodata/*-filelists.xml.gz; do echo "<filelists/>" | gzip > $f; done',
    );
    await expectFormerIndex(reindex(createrepoEngine({ executable })), /different packages/);
  });
});

describe('an empty index', () => {
  it('is valid for createrepo_c and counts no packages', async () => {
    await mkdir(repositoryDir(), { recursive: true });
    await publishEmptyIndex(REPOSITORY, parts(defaultEngine));
    expect(await readPublishedIndex(repositoryDir())).toMatchObject({ packageCount: 0 });
    await put('alpha');
    await run('createrepo_c', ['--update', repositoryDir()]);
    expect(await readPublishedIndex(repositoryDir())).toMatchObject({ packageCount: 1 });
  });
});
