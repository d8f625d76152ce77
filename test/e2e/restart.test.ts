import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { lacks } from '../support/lacks.ts';
import { openSocket, putHeader, readToEnd } from '../support/raw-socket.ts';
import { readerOnDisk, readerOverHttp, readIndex, type RepositoryIndex } from '../support/read-index.ts';
import { dnfMakecache } from '../support/run-dnf.ts';
import { startService } from '../support/run-service.ts';
import { type Site, type SiteOptions, startSite } from '../support/run-site.ts';
import { shareSite } from '../support/share-site.ts';
import { putPackage, reindex, sendRequest, sha256Of } from '../support/send-request.ts';

const REPOSITORY = '9/x86_64';

// Longer than any test: an index run happens only when a client waits for it.
const NEVER_QUIET = { quiet_seconds: 3600, max_wait_seconds: 86_400 };
const ALONE: SiteOptions = { front: 'none' };

function indexOf(site: Site, repository = REPOSITORY): Promise<RepositoryIndex> {
  return readIndex(readerOverHttp(site.baseUrl, repository));
}

/** The pkgids in the index, to be compared with `digestsOf` packages. */
async function indexedDigests(site: Site, repository = REPOSITORY): Promise<readonly string[]> {
  return [...(await indexOf(site, repository)).packages.values()].toSorted();
}

function digestsOf(...packages: readonly Uint8Array[]): readonly string[] {
  return packages.map(sha256Of).toSorted();
}

async function putIntoTree(site: Site, path: string, bytes: Uint8Array): Promise<void> {
  const target = join(site.storageDir, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, bytes);
}

async function askJson(site: Site, path: string): Promise<unknown> {
  return (await sendRequest(site.baseUrl, { path })).json();
}

describe('a tree that was filled by hand', () => {
  const shared = shareSite(() => startSite(ALONE));
  const first = craftRpm({ name: 'first' });
  const second = craftRpm({ name: 'second' });

  test('is indexed at the start when it has no index', async () => {
    await using site = await startSite(ALONE);
    await site.service.stop();
    await putIntoTree(site, '9/x86_64/Packages/first.rpm', first);
    await putIntoTree(site, '9/x86_64/deeper/still/second.rpm', second);
    await site.restart();
    await eventually(async () => expect(await indexedDigests(site)).toEqual(digestsOf(first, second)));
  });

  test('is indexed at the next start when the service was killed before its first run', async () => {
    const options = { front: 'none', config: { index_updater: NEVER_QUIET } } as const;
    await using site = await startSite(options);
    await site.service.stop();
    await putIntoTree(site, '9/x86_64/Packages/first.rpm', first);
    await site.restart();
    await site.service.kill();
    await site.restart();
    await eventually(async () => expect(await indexedDigests(site)).toEqual(digestsOf(first)));
  });

  test('is indexed on request, also in a place where no repository was before', async () => {
    const site = shared();
    await putPackage(site.baseUrl, first, 'releasever=7&wait=50');
    await putIntoTree(site, '7/x86_64/Packages/second.rpm', second);
    await putIntoTree(site, '10/aarch64/Packages/second.rpm', second);
    expect(await reindex(site.baseUrl, '7/x86_64')).toMatchObject({ status: 200 });
    expect(await indexedDigests(site, '7/x86_64')).toEqual(digestsOf(first, second));
    expect(await reindex(site.baseUrl, '10/aarch64')).toMatchObject({ status: 200 });
    expect(await indexedDigests(site, '10/aarch64')).toEqual(digestsOf(second));
  });

  test('with packages that no index can hold: they are set aside with a record and the rest is published', async () => {
    const site = shared();
    await putPackage(site.baseUrl, first, 'wait=50');
    await putIntoTree(
      site,
      '9/x86_64/Packages/control.rpm',
      craftRpm({ name: 'a', dependencies: { provides: [{ name: 'bell\u0007' }] } }),
    );
    await putIntoTree(
      site,
      '9/x86_64/Packages/nonchar.rpm',
      craftRpm({ name: 'b', dependencies: { provides: [{ name: 'no\uFFFE' }] } }),
    );
    await putIntoTree(site, '9/x86_64/Packages/text.rpm', Buffer.from('no package'));
    await putIntoTree(site, '9/x86_64/Packages/second.rpm', second);
    expect(await reindex(site.baseUrl, REPOSITORY)).toMatchObject({ status: 200 });
    expect(await indexedDigests(site)).toEqual(digestsOf(first, second));
    const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/9/x86_64/` };
    expect(await dnfMakecache(host)).toMatchObject({ exitCode: 0 });
    expect(await askJson(site, `/api/v1/repositories/${REPOSITORY}`)).toMatchObject({
      state: 'clean',
      packageCount: 2,
      lastError: null,
      setAside: [
        { location: 'Packages/control.rpm' },
        { location: 'Packages/nonchar.rpm' },
        { location: 'Packages/text.rpm' },
      ],
    });
    // A good file in its place is taken up by itself.
    const third = craftRpm({ name: 'third' });
    await putIntoTree(site, '9/x86_64/Packages/text.rpm', third);
    await putPackage(site.baseUrl, craftRpm({ name: 'fourth' }), 'wait=50');
    expect((await indexOf(site)).packages.get('Packages/text.rpm')).toBe(sha256Of(third));
  });

  test('with an acknowledged file that was exchanged: the index keeps what was acknowledged until the new bytes are uploaded', async () => {
    const site = shared();
    const before = craftRpm({ summary: 'before' });
    await putPackage(site.baseUrl, before, 'releasever=8&wait=50');
    const exchanged = craftRpm({ summary: 'exchanged' });
    await putIntoTree(site, '8/x86_64/Packages/example-1.0-1.el9.x86_64.rpm', exchanged);
    expect(await reindex(site.baseUrl, '8/x86_64')).toMatchObject({ status: 200 });
    expect(await indexedDigests(site, '8/x86_64')).toEqual(digestsOf(before));
    expect(await putPackage(site.baseUrl, exchanged, 'releasever=8&wait=50')).toMatchObject({ status: 200 });
    expect(await indexedDigests(site, '8/x86_64')).toEqual(digestsOf(exchanged));
  });
});

describe('metadata of others', () => {
  const UPDATEINFO = '<?xml version="1.0"?>\n<updates><update><id>RY-1</id></update></updates>\n';
  const COMPS = '<?xml version="1.0"?>\n<comps><group><id>g</id></group></comps>\n';

  test.skipIf(lacks('createrepo_c'))(
    '(updateinfo, comps) survives every rebuild unchanged (needs createrepo_c)',
    async () => {
      await using site = await startSite(ALONE);
      await putPackage(site.baseUrl, craftRpm({ name: 'first' }), 'wait=50');
      const repodata = join(site.storageDir, '9/x86_64/repodata');
      for (const [name, type, content] of [
        ['updateinfo.xml', 'updateinfo', UPDATEINFO],
        ['comps.xml', 'group', COMPS],
      ] as const) {
        await writeFile(join(site.workDir, name), content);
        await execa('modifyrepo_c', [`--mdtype=${type}`, join(site.workDir, name), repodata]);
      }
      const foreign = await foreignElements(site);
      for (const name of ['second', 'third']) {
        await putPackage(site.baseUrl, craftRpm({ name }), 'wait=50');
        expect(await foreignElements(site)).toEqual(foreign);
      }
      expect((await indexOf(site)).packages.size).toBe(3);
    },
  );

  async function foreignElements(site: Site): Promise<readonly string[]> {
    const { repomdXml } = await indexOf(site);
    const elements = [...repomdXml.matchAll(/<data type="(?:updateinfo|group)">.*?<\/data>/gs)];
    expect(elements).toHaveLength(2);
    return elements.map(([element]) => element);
  }
});

describe('a second service on one tree', () => {
  test('refuses to start and names the first, which is not disturbed; it starts when the first was killed', async () => {
    await using site = await startSite(ALONE);
    const startSecond = startService({ root: site.root, config: { server: { upload_header: '' } } });
    await expect(startSecond).rejects.toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(new RegExp(`TREE_LOCKED.*"pid":${site.service.pid}\\b`, 's')),
    });
    const bytes = craftRpm();
    expect(await putPackage(site.baseUrl, bytes, 'wait=50')).toMatchObject({ status: 201 });
    await site.service.kill();
    await using second = await startService({ root: site.root, config: { server: { upload_header: '' } } });
    const answer = await putPackage(second.baseUrl, bytes);
    expect(answer).toMatchObject({ status: 200 });
  });
});

describe('SIGTERM', () => {
  test('uploads in flight finish, are acknowledged and survive; the next start publishes them', async () => {
    await using site = await startSite({ front: 'none', config: { index_updater: NEVER_QUIET } });
    const packages = Array.from({ length: 8 }, (_, number) => craftRpm({ name: `flight${number}` }));
    const sockets = await Promise.all(packages.map(() => openSocket(site.baseUrl)));
    for (const [number, socket] of sockets.entries()) {
      const bytes = packages[number] ?? Buffer.alloc(0);
      // Clients that would keep their connections, as nginx does.
      const header = Buffer.from(String(putHeader(bytes.length)).replace('Connection: close\r\n', ''));
      socket.write(Buffer.concat([header, bytes.subarray(0, 500)]));
    }
    // Their bodies have begun to arrive when the spool holds a file for each.
    await eventually(async () => expect(await site.leftovers()).toHaveLength(packages.length));
    site.service.terminate();
    await site.service.whenLogged(({ msg }) => msg === 'stopping');
    for (const [number, socket] of sockets.entries()) socket.write(packages[number]?.subarray(500) ?? '');
    const answers = await Promise.all(sockets.map(readToEnd));
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 201 [^]*^connection: close\r$/im);
    expect(await site.service.whenExited).toEqual({ code: 0, signal: null });

    await site.restart(ALONE);
    await eventually(async () => expect(await indexedDigests(site)).toEqual(digestsOf(...packages)));
  });

  test('a client that waits for an index run is answered 202 at once, and the run is finished', async () => {
    await using site = await startSite(withEngine({ timeout_seconds: 60 }));
    const release = join(site.workDir, 'release');
    await writeEngine(site, `while [ ! -e ${release} ]; do sleep 0.02; done; exec createrepo_c "$@"`);
    const bytes = craftRpm();
    const waiting = putPackage(site.baseUrl, bytes, 'wait=50');
    await eventually(async () => {
      expect(await askJson(site, '/api/v1/repositories')).toMatchObject({
        repositories: [{ state: 'running' }],
      });
    });
    site.service.terminate();
    expect(await waiting).toMatchObject({
      status: 202,
      headers: { location: `/api/v1/uploads/${sha256Of(bytes)}` },
    });
    await writeFile(release, '');
    expect(await site.service.whenExited).toEqual({ code: 0, signal: null });
    const { packages } = await readIndex(readerOnDisk(site.storageDir, REPOSITORY));
    expect([...packages.values()]).toEqual(digestsOf(bytes));
  });
});

// Looked up in the service's working directory, which a configuration can name before there is a site.
const ENGINE = 'engine.sh';
/** A name with a leading dot is no package of the repository. */
const NOT_ASKED = '.not-asked/not-asked.rpm';
const WORKING_ENGINE = 'exec createrepo_c "$@"';
/** $out: where the metadata is written; $list: the file that names the packages. */
const FIND_ARGUMENTS = `
for argument; do
  [ "$previous" = --outputdir ] && out=$argument
  [ "$previous" = --pkglist ] && list=$argument
  previous=$argument
done`;

function withEngine(indexUpdater: Readonly<Record<string, unknown>> = {}): SiteOptions {
  return {
    front: 'none',
    config: {
      index_updater: { engine: 'createrepo', executable: ENGINE, timeout_seconds: 3, ...indexUpdater },
    },
    env: { PATH: `.:${process.env['PATH']}` },
  };
}

async function writeEngine(site: Site, script: string): Promise<void> {
  const path = join(site.root, ENGINE);
  await writeFile(`${path}.new`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await rename(`${path}.new`, path);
}

describe('an index engine that', () => {
  const before = craftRpm({ name: 'before' });
  const during = craftRpm({ name: 'during' });
  const meanwhile = craftRpm({ name: 'meanwhile' });
  const after = craftRpm({ name: 'after' });
  const shared = shareSite(() => startSite(withEngine()));
  let releasevers = 10;

  /** A repository that no other test of the site uses, and what uploads to it. */
  function nextPlace() {
    const site = shared();
    releasevers += 1;
    const releasever = releasevers;
    const repository = `${releasever}/x86_64`;
    const put = (bytes: Uint8Array, wait = '&wait=50') =>
      putPackage(site.baseUrl, bytes, `releasever=${releasever}${wait}`);
    return { site, repository, put };
  }

  test.each([
    ['exits with an error', 'echo no space >&2; exit 1'],
    ['hangs', 'exec sleep 600'],
    ['hangs in a child of its own', 'sleep 600; exit 1'],
    ['succeeds without writing anything', 'exit 0'],
    [
      'cuts its files short',
      `${FIND_ARGUMENTS}\ncreaterepo_c "$@"; truncate -s 100 "$out"/repodata/*-primary.xml.gz`,
    ],
    ['loses a file', `${FIND_ARGUMENTS}\ncreaterepo_c "$@"; rm "$out"/repodata/*-other.xml.gz`],
    ['describes another package', `${FIND_ARGUMENTS}\necho ${NOT_ASKED} >> "$list"; createrepo_c "$@"`],
    ['describes nothing at all', `${FIND_ARGUMENTS}\n: > "$list"; createrepo_c "$@"`],
    ['is killed', 'kill -9 $$'],
    ['is missing', undefined, 'INDEX_ENGINE_MISSING'],
  ])(
    '%s leaves the old index, is named, takes no upload away, and heals',
    async (_title, script, code = 'INDEX_FAILED') => {
      const { site, repository, put } = nextPlace();
      await writeEngine(site, WORKING_ENGINE);
      await putIntoTree(site, `${repository}/${NOT_ASKED}`, craftRpm({ name: 'not-asked' }));
      expect(await put(before)).toMatchObject({ status: 201 });

      if (script === undefined) await rm(join(site.root, ENGINE));
      else await writeEngine(site, script);
      const failed = await put(during);
      expect(failed.json()).toMatchObject({ status: 503, code });
      expect(await put(meanwhile, '')).toMatchObject({ status: 201 });
      expect(await indexedDigests(site, repository)).toEqual(digestsOf(before));
      const ready = await sendRequest(site.baseUrl, { path: '/readyz' });
      expect(ready.status).toBe(200);
      expect(ready.json()).toMatchObject({
        status: 'degraded',
        faults: expect.arrayContaining([expect.objectContaining({ repository, code })]),
      });
      expect(await askJson(site, `/api/v1/repositories/${repository}`)).toMatchObject({
        lastError: { code },
      });

      await writeEngine(site, WORKING_ENGINE);
      expect(await put(after)).toMatchObject({ status: 201 });
      expect(await indexedDigests(site, repository)).toEqual(digestsOf(before, during, meanwhile, after));
      expect(await askJson(site, '/readyz')).toEqual({ status: 'ready', faults: [] });
      const healed = await askJson(site, `/api/v1/repositories/${repository}`);
      expect(healed).toMatchObject({ state: 'clean', lastError: null });
      await eventually(async () => expect(await site.leftovers()).toEqual([]));
    },
  );

  test('failed is run again without being asked, when its cause is gone', async () => {
    const { site, repository, put } = nextPlace();
    await writeEngine(site, 'exit 1');
    expect(await put(before)).toMatchObject({ status: 503 });
    await writeEngine(site, WORKING_ENGINE);
    await eventually(async () => expect(await indexedDigests(site, repository)).toEqual(digestsOf(before)));
  });

  test('was missing from the start is used as soon as it is installed', async () => {
    await using site = await startSite(withEngine());
    expect(await askJson(site, '/readyz')).toMatchObject({
      status: 'degraded',
      faults: [{ code: 'INDEX_ENGINE_MISSING' }],
    });
    expect(await putPackage(site.baseUrl, before)).toMatchObject({ status: 201 });
    expect(await indexedDigests(site)).toEqual([]);
    await writeEngine(site, WORKING_ENGINE);
    expect(await reindex(site.baseUrl, REPOSITORY)).toMatchObject({ status: 200 });
    expect(await indexedDigests(site)).toEqual(digestsOf(before));
  });

  test('drops one package: it is set aside with a record, the rest is published, and a request takes it back', async () => {
    const { site, repository, put } = nextPlace();
    const dropDuring = `${FIND_ARGUMENTS}\ngrep -v during "$list" > "$list.new"; mv "$list.new" "$list"`;
    await writeEngine(site, `${dropDuring}\n${WORKING_ENGINE}`);
    await put(before, '');
    const refused = await put(during);
    expect(refused.json()).toMatchObject({ status: 422, code: 'PACKAGE_SET_ASIDE', repository });
    expect(await indexedDigests(site, repository)).toEqual(digestsOf(before));
    expect(await askJson(site, `/api/v1/repositories/${repository}`)).toMatchObject({
      setAside: [{ location: 'Packages/during-1.0-1.el9.x86_64.rpm' }],
    });
    await writeEngine(site, WORKING_ENGINE);
    expect(await reindex(site.baseUrl, repository)).toMatchObject({ status: 200 });
    expect(await indexedDigests(site, repository)).toEqual(digestsOf(before, during));
    expect(await put(during)).toMatchObject({ status: 200 });
  });
});
