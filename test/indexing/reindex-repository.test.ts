import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalPublications } from '../../src/storage/local/local-publications.ts';
import { createLocalRepositories } from '../../src/storage/local/local-repositories.ts';
import { SqliteRecords } from '../../src/storage/local/sqlite-records.ts';
import { createContentChecks } from '../../src/indexing/content-checks.ts';
import { ForeignMetadata } from '../../src/indexing/foreign-metadata.ts';
import type { IndexEngine } from '../../src/indexing/index-engine.ts';
import { PendingChanges } from '../../src/indexing/pending-changes.ts';
import { readPublishedIndex } from '../../src/indexing/read-metadata.ts';
import { readRepomd } from '../../src/storage/read-repomd.ts';
import {
  publishEmptyIndex,
  type ReindexParts,
  reindexRepository,
} from '../../src/indexing/reindex-repository.ts';
import { NO_TAGS, type RepomdTags } from '../../src/rpm/repodata/repomd-tags.ts';
import type { PublishedIndex } from '../../src/indexing/repository-schedule.ts';
import { craftRpm, type CraftSpec } from '../support/craft-rpm.ts';
import { createrepoEngine, incrementalEngine, plainLayout } from '../support/index-engines.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';
import { repo } from '../support/repo.ts';

const REPOSITORY = repo('9/x86_64');
const run = promisify(execFile);

let root: TempDir;
let records: SqliteRecords;
let changes: PendingChanges;
let defaultEngine: IndexEngine;
let nowMs: number;
let warnings: object[];
let errors: object[];

beforeEach(async () => {
  root = await createTempDir();
  await mkdir(join(root.path, 'state'));
  records = new SqliteRecords(join(root.path, 'state'));
  nowMs = Date.UTC(2026, 0, 1);
  warnings = [];
  errors = [];
  changes = new PendingChanges();
  defaultEngine = createrepoEngine();
});
afterEach(async () => {
  await defaultEngine.close();
  await records.close();
  await root.remove();
});

const repositoryDir = (): string => join(root.path, 'storage', REPOSITORY);

function parts(engine: IndexEngine): ReindexParts {
  const layout = plainLayout(join(root.path, 'storage'));
  return {
    storage: {
      records,
      repositories: createLocalRepositories(layout),
      publications: new LocalPublications({
        layout,
        scratchRoot: join(root.path, 'state', 'scratch'),
        records,
        now: () => nowMs,
        onLeftover: (path) => void warnings.push({ path }),
      }),
      placeDecided: async () => undefined,
    },
    changes,
    engine,
    foreignMetadata: new ForeignMetadata(
      join(root.path, 'state', 'metadata'),
      createContentChecks(),
      () => nowMs,
    ),
    rules: {
      formatOf: () => 'gzip',
      signer: undefined,
      publicUrl: 'http://repo.example.com',
      now: () => nowMs,
    },
    log: {
      info: () => undefined,
      warn: (facts) => void warnings.push(facts),
      error: (facts) => void errors.push(facts),
    },
  };
}

async function reindex(
  engine = defaultEngine,
  signal = new AbortController().signal,
): Promise<PublishedIndex> {
  // As after a start, or when an administrator asks for it: what was changed by hand is looked for.
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
        { ...parts(defaultEngine), rules: { ...parts(defaultEngine).rules, tagsOf: () => tags } },
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
    expect((await records.listSuperseded(REPOSITORY)).map(({ fileName }) => fileName)).not.toContain(
      'comps.xml',
    );
    const foreign = parts(defaultEngine).foreignMetadata;
    await using packed = await foreign.pack('group', comps, { owner: 'a' });
    await foreign.keep(REPOSITORY, packed);
    await reindex();
    expect(await records.listSuperseded(REPOSITORY)).toContainEqual({
      fileName: 'comps.xml',
      sinceMs: nowMs,
    });
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
    expect(await records.listSetAside(REPOSITORY)).toMatchObject([{ location }]);
    expect((await records.listSetAside(REPOSITORY))[0]?.reason).toMatch(/control/);
  });

  it('are found when the engine writes XML that no reader takes, which would break the repository for all', async () => {
    await put('alpha');
    const location = await put('noncharacter', {
      summary: 'a \uFFFE noncharacter',
      dependencies: { provides: [{ name: 'non\uFFFEcharacter' }] },
    });
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
    expect(await records.listSetAside(REPOSITORY)).toMatchObject([{ location }]);
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
    expect(await records.listSetAside(REPOSITORY)).toMatchObject([
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
    expect(await records.listSetAside(REPOSITORY)).toEqual([]);
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
    expect(await records.listSetAside(REPOSITORY)).toMatchObject([{ location }]);
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
    await records.saveReceipts([acknowledged]);
    await reindex();
    expect(await metadata('primary')).toContain(acknowledged.sha256);
    expect((await records.receiptsOf(acknowledged.sha256))[0]?.publishedAtMs).toBe(nowMs);
  });

  it('that differ from the acknowledged ones before a package is published keep it out, and are said once', async () => {
    await put('alpha');
    const location = await put('beta');
    await records.saveReceipts([receipt(location, Buffer.from('other bytes'))]);
    await reindex();
    await reindex();
    expect(await indexedNames()).toEqual(['alpha']);
    expect(await records.listPackageFaults(REPOSITORY)).toMatchObject([
      { location, code: 'PACKAGE_DAMAGED' },
    ]);
    expect(errors).toMatchObject([{ location, code: 'PACKAGE_DAMAGED' }]);
    expect(await records.receiptAt(REPOSITORY, location)).toMatchObject({ publishedAtMs: undefined });
  });

  it.each(['files', 'nothing'] as const)(
    'of a published package that was damaged stay in the index of a run that trusts %s, until the file is right again',
    async (trust) => {
      const bytes = craftRpm({ name: 'alpha' });
      const location = await put('alpha');
      await put('beta');
      await records.saveReceipts([receipt(location, bytes)]);
      await reindex();
      const primary = await metadata('primary');
      const path = join(repositoryDir(), location);
      await writeFile(path, bytes.subarray(0, -10));
      changes.distrust(REPOSITORY, trust);
      await reindex();
      await put('gamma');
      await reindex();
      expect(await indexedNames()).toEqual(['alpha', 'beta', 'gamma']);
      expect(await metadata('primary')).toContain((await records.receiptAt(REPOSITORY, location))?.sha256);
      expect(elementOf(await metadata('primary'), 'alpha')).toEqual(elementOf(primary, 'alpha'));
      expect(await records.listPackageFaults(REPOSITORY)).toMatchObject([
        { location, code: 'PACKAGE_DAMAGED' },
      ]);
      expect(errors).toHaveLength(1);

      await writeFile(path, bytes);
      await reindex();
      expect(await records.listPackageFaults(REPOSITORY)).toEqual([]);
      expect(await indexedNames()).toEqual(['alpha', 'beta', 'gamma']);
    },
  );

  it('of a package that no client uploaded are those of the file that lies there', async () => {
    const location = await put('alpha', { summary: 'one' });
    await reindex();
    await writeFile(join(repositoryDir(), location), craftRpm({ name: 'alpha', summary: 'another' }));
    await reindex();
    expect(await metadata('primary')).toContain('<summary>another</summary>');
    expect(await records.listPackageFaults(REPOSITORY)).toEqual([]);
  });
});

/** What primary says of a package, but for the times that its index was written. */
function elementOf(primary: string, name: string): string | undefined {
  return primary
    .split('<package ')
    .find((element) => element.includes(`<name>${name}</name>`))
    ?.split('</package>')[0];
}

describe.each(['createrepo', 'incremental'])('an index of another program, for the %s engine', (name) => {
  beforeEach(() => {
    if (name === 'incremental') defaultEngine = incrementalEngine(join(root.path, 'state'));
  });

  const index = (...options: readonly string[]) =>
    run('createrepo_c', ['--no-database', ...options, repositoryDir()]);
  const repomd = () => readFile(join(repositoryDir(), 'repodata/repomd.xml'), 'utf8');

  it('is taken over without a word when all that it names lies there', async () => {
    await put('alpha');
    await put('beta');
    await index('--checksum=sha512');
    await expect(reindex()).resolves.toMatchObject({ packageCount: 2 });
    expect([...errors, ...warnings]).toEqual([]);
  });

  const losses: readonly (readonly [string, RegExp, () => Promise<void>])[] = [
    [
      'is a symbolic link',
      /is a symbolic link to/,
      async () => {
        const location = await put('beta');
        await mkdir(join(root.path, 'pool'));
        await rename(join(repositoryDir(), location), join(root.path, 'pool/beta.rpm'));
        await symlink(join(root.path, 'pool/beta.rpm'), join(repositoryDir(), location));
        await index();
      },
    ],
    [
      'lies behind a linked directory',
      /lies behind more, a symbolic link to/,
      async () => {
        await mkdir(join(root.path, 'pool'));
        await writeFile(join(root.path, 'pool/beta.rpm'), craftRpm({ name: 'beta' }));
        await symlink(join(root.path, 'pool'), join(repositoryDir(), 'more'));
        await index();
      },
    ],
    [
      'is absent',
      /there is no such file/,
      async () => {
        const location = await put('beta');
        await index();
        await rm(join(repositoryDir(), location));
      },
    ],
    [
      'lies outside of the repository',
      /outside of the repository/,
      async () => {
        await put('beta');
        await index('--location-prefix=../pool');
      },
    ],
    [
      'is loaded from elsewhere',
      /hosts load it from http:\/\/elsewhere.example/,
      async () => {
        const location = await put('beta');
        await index('--baseurl=http://elsewhere.example/');
        await rm(join(repositoryDir(), location));
      },
    ],
    [
      'cannot be described and is named with a digest of its own kind',
      /beta/,
      async () => {
        await put('beta');
        await index();
        await writeFile(join(repositoryDir(), 'Packages/beta-1.0-1.noarch.rpm'), 'garbage');
      },
    ],
  ];
  it.each(losses)('stays when a package of it %s, until a person lets it go', async (_, message, prepare) => {
    await put('alpha');
    await prepare();
    const before = await repomd();
    const refusal = { code: 'TAKEOVER_UNDECIDED', message: expect.stringMatching(message) };
    await expect(reindex()).rejects.toMatchObject(refusal);
    await expect(reindex()).rejects.toMatchObject(refusal);
    expect(await repomd()).toBe(before);

    changes.acceptTakeOver(REPOSITORY);
    await reindex();
    expect(await indexedNames()).toContain('alpha');
    await put('gamma');
    await reindex();
    expect(await indexedNames()).toContain('gamma');
  });

  it('gives way when the packages that it names are there by another name', async () => {
    const location = await put('alpha');
    await index();
    await rename(join(repositoryDir(), location), join(repositoryDir(), 'Packages/other.rpm'));
    await records.saveReceipts([
      {
        repository: REPOSITORY,
        location: 'Packages/other.rpm',
        sha256: createHash('sha256')
          .update(craftRpm({ name: 'alpha' }))
          .digest('hex'),
        nevra: 'alpha-1.0-1.noarch',
        sizeBytes: craftRpm({ name: 'alpha' }).length,
        placedAtMs: nowMs,
        publishedAtMs: undefined,
      },
    ]);
    await reindex();
    expect(await metadata('primary')).toContain('Packages/other.rpm');
  });

  it('keeps out what it does not name, until a person asks for it', async () => {
    await put('alpha');
    const location = await put('secret');
    await index('--excludes=secret*');
    await reindex();
    await put('beta');
    await records.takeAllBack(REPOSITORY);
    await reindex();
    expect(await indexedNames()).toEqual(['alpha', 'beta']);
    expect(await records.listPackageFaults(REPOSITORY)).toMatchObject([
      { location, code: 'PACKAGE_HELD_BACK' },
    ]);
    expect(errors).toMatchObject([{ location, code: 'PACKAGE_HELD_BACK' }]);

    changes.acceptTakeOver(REPOSITORY);
    await reindex();
    expect(await indexedNames()).toEqual(['alpha', 'beta', 'secret']);
    expect(await records.listPackageFaults(REPOSITORY)).toEqual([]);
  });

  it('forgets that it kept out what was moved away', async () => {
    await put('alpha');
    const location = await put('secret');
    await index('--excludes=secret*');
    await reindex();
    await rm(join(repositoryDir(), location));
    await reindex();
    expect(await records.listPackageFaults(REPOSITORY)).toEqual([]);
  });

  it.each(['sha256', 'sha512'])(
    'keeps the description of a package that cannot be made anew, with digests of %s, also when all is read again',
    async (checksum) => {
      const location = await put('alpha');
      await put('beta');
      await index(`--checksum=${checksum}`);
      await pretendIndexed(location, Buffer.from('garbage'), checksum);
      await reindex();
      changes.distrust(REPOSITORY, 'nothing');
      await reindex();
      await put('gamma');
      await reindex();
      expect(await indexedNames()).toEqual(['alpha', 'beta', 'gamma']);
      expect(await records.listPackageFaults(REPOSITORY)).toMatchObject([
        { location, code: 'PACKAGE_UNDESCRIBABLE' },
      ]);
      expect(await records.listSetAside(REPOSITORY)).toEqual([]);
      expect(errors).toHaveLength(1);
    },
  );

  /** Puts other bytes in the place of a package, and has the index say that they are what it describes. */
  async function pretendIndexed(location: string, bytes: Uint8Array, checksum: string): Promise<void> {
    const path = join(repositoryDir(), location);
    const former = await readFile(path);
    await writeFile(path, bytes);
    const digest = (content: Uint8Array) => createHash(checksum).update(content).digest('hex');
    const types = ['primary', 'filelists', 'other'];
    let xml = await repomd();
    for (const type of types) {
      const data = (await readRepomd(repositoryDir()))?.repomd.data.find((one) => one.type === type);
      const text = (await metadata(type))
        .replaceAll(digest(former), digest(bytes))
        .replace(`package="${former.length}"`, `package="${bytes.length}"`);
      const href = `repodata/edited-${type}.xml.gz`;
      await writeFile(join(repositoryDir(), href), gzipSync(text));
      const sum = createHash('sha256').update(gzipSync(text)).digest('hex');
      const element = `<data type="${type}"><checksum type="sha256">${sum}</checksum><location href="${href}"/></data>`;
      xml = xml.replace(data?.xml ?? '', element);
    }
    await writeFile(join(repositoryDir(), 'repodata/repomd.xml'), xml);
  }
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

describe('metadata that is current again', () => {
  it('is superseded no more', async () => {
    defaultEngine = incrementalEngine(join(root.path, 'state'));
    await put('alpha');
    const location = await put('beta');
    await reindex();
    const primary = async (): Promise<string> => {
      const read = await readRepomd(repositoryDir());
      return basename(read?.repomd.data.find(({ type }) => type === 'primary')?.href ?? '');
    };
    const first = await primary();
    const path = join(repositoryDir(), location);
    await rename(path, `${path}.away`);
    await reindex();
    expect(await primary()).not.toBe(first);
    // As tidying does.
    await records.noteSuperseded(REPOSITORY, [{ fileName: first, sinceMs: nowMs }]);
    await rename(`${path}.away`, path);
    await reindex();
    expect(await primary()).toBe(first);
    expect(await records.listSuperseded(REPOSITORY)).toEqual([]);
  });
});

describe('a run that fails', () => {
  it('leaves what it was to look at to the next one', async () => {
    await put('a');
    changes.take(REPOSITORY);
    changes.notePlaced(REPOSITORY, { location: 'Packages/a.rpm', sha256: 'ab', step: undefined });
    const failing = parts(createrepoEngine({ executable: '/nonexistent' }));
    const run = { signal: new AbortController().signal, onProgress: () => undefined };
    await expect(reindexRepository(REPOSITORY, failing, run)).rejects.toMatchObject({
      code: 'INDEX_ENGINE_MISSING',
    });
    expect(changes.take(REPOSITORY).placed).toEqual(new Map([['Packages/a.rpm', 'ab']]));
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
