import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPackageStore } from '../../src/place/package-store.ts';
import { createRepositoryLayout } from '../../src/place/repository-layout.ts';
import { Records } from '../../src/records/records.ts';
import { createCreaterepoEngine } from '../../src/reindex/createrepo-engine.ts';
import { findExecutable } from '../../src/reindex/find-executable.ts';
import type { IndexEngine } from '../../src/reindex/index-engine.ts';
import { readPublishedIndex, readRepomd } from '../../src/reindex/read-metadata.ts';
import {
  publishEmptyIndex,
  type ReindexParts,
  reindexRepository,
} from '../../src/reindex/reindex-repository.ts';
import { craftRpm, type CraftSpec } from '../support/craft-rpm.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const REPOSITORY = '9/x86_64';
const HOUR_MS = 3_600_000;
const run = promisify(execFile);

let root: TempDir;
let records: Records;
let nowMs: number;
let warnings: object[];

beforeEach(async () => {
  root = await createTempDir();
  await mkdir(join(root.path, 'state'));
  records = new Records(join(root.path, 'state'));
  nowMs = Date.UTC(2026, 0, 1);
  warnings = [];
});
afterEach(async () => {
  records.close();
  await root.remove();
});

const repositoryDir = (): string => join(root.path, 'storage', REPOSITORY);

function createrepo(options: { executable?: string; timeoutMs?: number } = {}): IndexEngine {
  const executable = options.executable ?? 'createrepo_c';
  return createCreaterepoEngine({
    executable,
    findExecutable: () => findExecutable(executable, process.env['PATH'] ?? ''),
    extraArguments: [],
    timeoutMs: options.timeoutMs ?? 60_000,
  });
}

function parts(engine: IndexEngine = createrepo()): ReindexParts {
  const layout = createRepositoryLayout({
    topDir: join(root.path, 'storage'),
    releaseverPatterns: [],
    noarchBasearches: ['x86_64'],
  });
  return {
    layout,
    store: createPackageStore(layout),
    records,
    engine,
    scratchRoot: join(root.path, 'state', 'scratch'),
    keepRules: { keepOldMs: 24 * HOUR_MS, keepOldBytes: 1024 ** 3 },
    now: () => nowMs,
    log: { info: () => undefined, warn: (facts) => void warnings.push(facts) },
  };
}

const reindex = (engine?: IndexEngine, signal = new AbortController().signal) =>
  reindexRepository(REPOSITORY, parts(engine), signal);

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

describe('a run', () => {
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
    await expect(reindex(createrepo({ executable: '/nonexistent' }))).rejects.toMatchObject({
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

  it('removes superseded metadata when its time is over, never files that others put there', async () => {
    await put('alpha');
    await reindex();
    const former = (await readRepomd(repositoryDir()))?.repomd.data[0]?.href ?? '';
    await writeFile(join(repositoryDir(), 'repodata', 'comps.xml'), '<comps/>');
    await put('beta');
    await reindex();
    nowMs += 25 * HOUR_MS;
    await reindex();
    const names = await readdir(join(repositoryDir(), 'repodata'));
    expect(names).not.toContain(former.slice('repodata/'.length));
    expect(names).toContain('comps.xml');
    expect(names).toContain('repomd.xml');
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

  it('replaces a damaged repomd.xml', async () => {
    await put('alpha');
    await reindex();
    await writeFile(join(repositoryDir(), 'repodata', 'repomd.xml'), '<repomd><data>');
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
  });
});

describe('packages that the engine cannot describe', () => {
  it('are set aside with the reason while the rest is published', async () => {
    await put('alpha');
    const location = await put('control', { summary: 'a \u0001 control character' });
    const published = await reindex();
    expect(published.packageCount).toBe(1);
    expect(await indexedNames()).toEqual(['alpha']);
    expect(records.listSetAside(REPOSITORY)).toMatchObject([{ location }]);
    expect(records.listSetAside(REPOSITORY)[0]?.reason).toContain('Forbidden control chars');
  });

  it('are found when the engine writes XML that no reader takes, which would break the repository for all', async () => {
    await put('alpha');
    const location = await put('noncharacter', { summary: 'a \uFFFE noncharacter' });
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
    expect(records.listSetAside(REPOSITORY)).toMatchObject([{ location }]);
    expect(await metadata('primary')).not.toContain('\uFFFE');
  });

  it('are tried again when another file takes their place', async () => {
    await put('alpha', { summary: '\u0001' });
    await reindex();
    expect(await indexedNames()).toEqual([]);
    await put('alpha');
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
    expect(records.listSetAside(REPOSITORY)).toEqual([]);
  });

  it('are noticed when the engine leaves one out without a word', async () => {
    await put('alpha');
    const location = await put('beta');
    const engine = createrepo({
      executable: await script(
        'for a; do [ "$p" = --pkglist ] && sed -i /beta/d "$a"; p=$a; done; exec createrepo_c "$@"',
      ),
    });
    await reindex(engine);
    expect(await indexedNames()).toEqual(['alpha']);
    expect(records.listSetAside(REPOSITORY)).toMatchObject([{ location }]);
  });
});

describe('digests', () => {
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
    await expectFormerIndex(reindex(createrepo({ executable })), /exit code 3.*disk on fire/);
  });

  it('by hanging is ended after the time limit', async () => {
    const executable = await script('exec sleep 600');
    await expectFormerIndex(reindex(createrepo({ executable, timeoutMs: 100 })), /did not finish in 0\.1 s/);
  });

  it('by ignoring the request to stop is killed when the service stops', async () => {
    const executable = await script('exec sleep 600');
    await expectFormerIndex(reindex(createrepo({ executable }), AbortSignal.timeout(100)), /stopping/);
  });

  it('by writing nothing is not published', async () => {
    await expectFormerIndex(reindex(createrepo({ executable: await script('exit 0') })), /lacks repomd\.xml/);
  });

  it('by describing a package that was not asked for is not published', async () => {
    await writeFile(join(repositoryDir(), '.hidden.rpm'), craftRpm({ name: 'hidden' }));
    const executable = await script(
      'for a; do [ "$p" = --pkglist ] && echo .hidden.rpm >> "$a"; p=$a; done; exec createrepo_c "$@"',
    );
    await expectFormerIndex(reindex(createrepo({ executable })), /not asked for/);
  });

  it('by contradicting itself between primary and filelists is not published', async () => {
    const engine: IndexEngine = {
      build: async (job) => {
        const report = await createrepo().build(job);
        const read = await readRepomd(job.scratchDir);
        const href = read?.repomd.data.find(({ type }) => type === 'filelists')?.href ?? '';
        const empty = gzipSync('<filelists packages="0"></filelists>');
        await writeFile(join(job.scratchDir, href), empty);
        return report;
      },
    };
    await expectFormerIndex(reindex(engine), /different packages/);
  });
});

describe('an empty index', () => {
  it('is valid for createrepo_c and counts no packages', async () => {
    await mkdir(repositoryDir(), { recursive: true });
    await publishEmptyIndex(REPOSITORY, parts());
    expect(await readPublishedIndex(repositoryDir())).toMatchObject({ packageCount: 0 });
    await put('alpha');
    await run('createrepo_c', ['--update', repositoryDir()]);
    expect(await readPublishedIndex(repositoryDir())).toMatchObject({ packageCount: 1 });
  });
});
