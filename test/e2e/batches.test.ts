import { existsSync } from 'node:fs';
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { READER_TOKEN, CI_TOKEN, startAccessSite } from '../support/access-site.ts';
import { batchAt, commit, documentOf, dropBatch, stage } from '../support/batch-client.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { readerOnDisk, readerOverHttp, readIndex } from '../support/read-index.ts';
import { runCurl } from '../support/run-curl.ts';
import { dnfInstall } from '../support/run-dnf.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { type Front, type Site, startSite } from '../support/run-site.ts';
import { shareSite } from '../support/share-site.ts';
import { putPackage, sendRequest, sha256Of } from '../support/send-request.ts';

const FRONTS: readonly Front[] = ['nginx', 'none'];
// Only who waits, or a commit, has an index built.
const QUIET = { index_updater: { quiet_seconds: 3600, max_wait_seconds: 86_400 } };

function rpm(name: string, release = '1.el9', arch = 'x86_64'): Buffer {
  return craftRpm({ name, release, arch });
}

async function namesIn(site: Site, repository: string): Promise<readonly string[]> {
  const directory = join(site.storageDir, repository, 'Packages');
  return existsSync(directory) ? (await readdir(directory)).toSorted() : [];
}

async function indexed(site: Site, repository: string): Promise<readonly string[]> {
  const { packages } = await readIndex(readerOverHttp(site.baseUrl, repository));
  return [...packages.keys()].toSorted();
}

describe.each(FRONTS)('behind %s, a batch', (front) => {
  const shared = shareSite(() => startSite({ front, config: QUIET }));

  test('is staged with plain curl, appears with its commit, and dnf installs from it', async () => {
    const site = shared();
    for (const name of ['one', 'two']) await writeFile(join(site.workDir, `${name}.rpm`), rpm(name));
    const url = `${site.baseUrl}/upload`;
    const staged = await runCurl('-H', 'X-Batch: build-7', '-T', join(site.workDir, 'one.rpm'), url);
    expect(staged).toMatchObject({
      status: 202,
      body: `STAGED - In batch build-7, a POST publishes it: ${site.baseUrl}/api/v1/batches/build-7/commit\n`,
    });
    const form = await runCurl('-H', 'X-Batch: build-7', '-F', `file=@${join(site.workDir, 'two.rpm')}`, url);
    expect(form.status).toBe(202);
    expect(await namesIn(site, '9/x86_64')).toEqual([]);

    const commit = ['-X', 'POST', `${site.baseUrl}/api/v1/batches/build-7/commit?wait=50`] as const;
    const inText = await runCurl('-H', 'Accept: text/plain', ...commit);
    expect(inText.status).toBe(200);
    expect(inText.body.split('\n')).toEqual([
      expect.stringMatching(/^OK - Accessible as http\S+\/one-\S+\.rpm/),
      expect.stringMatching(/^OK - Accessible as http\S+\/two-\S+\.rpm/),
      '',
    ]);
    const done = await runCurl(...commit);
    expect(done.status).toBe(200);
    expect(JSON.parse(done.body)).toMatchObject({ batch: 'build-7', state: 'committed' });
    const host = { root: join(site.workDir, 'host'), repositoryUrl: `${site.baseUrl}/repo/9/x86_64/` };
    expect(await dnfInstall(host, 'one', 'two')).toMatchObject({ exitCode: 0 });
    expect(await site.leftovers()).toEqual([]);
  });

  test('goes to several repositories and publishes each of them once', async () => {
    const site = shared();
    const packages = [
      rpm('a', '1.el8'),
      rpm('b', '1.el8', 'aarch64'),
      rpm('c', '1.el7'),
      rpm('everywhere', '1.el8', 'noarch'),
    ];
    for (const bytes of packages) expect((await stage(site.baseUrl, 'b1', bytes)).status).toBe(202);
    expect(await batchAt(site.baseUrl, 'b1')).toMatchObject({
      state: 'staged',
      packageCount: 4,
      repositories: ['7/x86_64', '8/aarch64', '8/x86_64'],
    });
    const answer = await commit(site.baseUrl, 'b1', 'wait=50');
    expect(answer.status).toBe(200);
    const { packages: outcomes } = documentOf(answer);
    expect(outcomes.map(({ nevra }) => nevra)).toEqual([
      'a-1.0-1.el8.x86_64',
      'b-1.0-1.el8.aarch64',
      'c-1.0-1.el7.x86_64',
      'everywhere-1.0-1.el8.noarch',
    ]);
    expect(outcomes.flatMap(({ places }) => places.map(({ state }) => state))).toEqual(
      Array.from({ length: 5 }, () => 'published'),
    );
    expect(await indexed(site, '8/x86_64')).toEqual([
      'Packages/a-1.0-1.el8.x86_64.rpm',
      'Packages/everywhere-1.0-1.el8.noarch.rpm',
    ]);
    expect(await indexed(site, '8/aarch64')).toHaveLength(2);
    const runs = site.service.log
      .filter(({ msg }) => msg === 'index published')
      .map((line) => String(line['repository']))
      .filter((repository) => !repository.startsWith('9/'));
    expect(runs.toSorted()).toEqual(['7/x86_64', '8/aarch64', '8/x86_64']);
  });
});

describe('the commit of a batch', () => {
  // Each test has a batch and a releasever of its own.
  const shared = shareSite(() => startSite({ front: 'none', config: QUIET }));

  test('names every package that is in conflict, places nothing, and leaves the batch as it is', async () => {
    const site = shared();
    for (const name of ['x', 'y']) await putPackage(site.baseUrl, rpm(name, '1.el20'));
    const other = (name: string): Buffer =>
      craftRpm({ name, release: '1.el20', arch: 'x86_64', summary: 'other' });
    for (const bytes of [other('x'), rpm('new', '1.el20'), other('y')])
      await stage(site.baseUrl, 'conflicts', bytes);
    const answer = await commit(site.baseUrl, 'conflicts');
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({ code: 'BATCH_REFUSED' });
    const { refused } = documentOf(answer);
    expect(refused.map(({ nevra, code }) => `${nevra} ${code}`).toSorted()).toEqual([
      'x-1.0-1.el20.x86_64 PACKAGE_CONFLICT',
      'y-1.0-1.el20.x86_64 PACKAGE_CONFLICT',
    ]);
    expect(await namesIn(site, '20/x86_64')).toEqual(['x-1.0-1.el20.x86_64.rpm', 'y-1.0-1.el20.x86_64.rpm']);
    expect(await batchAt(site.baseUrl, 'conflicts')).toMatchObject({ state: 'staged', packageCount: 3 });
    const text = await sendRequest(site.baseUrl, {
      method: 'POST',
      path: '/api/v1/batches/conflicts/commit',
    });
    expect(text.text).toMatch(/^ERROR BATCH_REFUSED: 2 of 3 packages .*x-1.0-1.el20.x86_64 .*y-1.0-1.el20/);
  });

  test('refuses two packages of one name with other bytes', async () => {
    const site = shared();
    await stage(site.baseUrl, 'two', rpm('x', '1.el21'));
    await stage(
      site.baseUrl,
      'two',
      craftRpm({ name: 'x', release: '1.el21', arch: 'x86_64', summary: 'other' }),
    );
    const answer = await commit(site.baseUrl, 'two');
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({ detail: expect.stringMatching(/^1 of 2 packages/) });
    expect(documentOf(answer).refused).toMatchObject([
      { nevra: 'x-1.0-1.el21.x86_64', code: 'PACKAGE_CONFLICT' },
    ]);
    expect(await namesIn(site, '21/x86_64')).toEqual([]);
  });

  test('may be repeated, and so may its members', async () => {
    const site = shared();
    expect((await stage(site.baseUrl, 'repeated', rpm('x', '1.el22'))).status).toBe(202);
    expect((await stage(site.baseUrl, 'repeated', rpm('x', '1.el22'))).status).toBe(202);
    const first = documentOf(await commit(site.baseUrl, 'repeated'));
    expect(first.packages).toMatchObject([{ outcome: 'created', places: [{ state: 'waiting' }] }]);
    const member = await stage(site.baseUrl, 'repeated', rpm('x', '1.el22'));
    expect(member.status).toBe(200);
    expect(member.json()).toMatchObject({ outcome: 'unchanged', sha256: sha256Of(rpm('x', '1.el22')) });
    const again = await commit(site.baseUrl, 'repeated', 'wait=50');
    expect(again.status).toBe(200);
    expect(documentOf(again).packages).toMatchObject([
      { outcome: 'created', places: [{ state: 'published' }] },
    ]);
    // The same bytes for another repository are another package to the batch.
    for (const [bytes, query] of [
      [rpm('late', '1.el22'), ''],
      [rpm('x', '1.el22'), 'releasever=8'],
    ] as const) {
      const other = await stage(site.baseUrl, 'repeated', bytes, query);
      expect(other.json()).toMatchObject({ status: 409, code: 'BATCH_COMMITTED' });
    }
    const audited = (await readFile(join(site.stateDir, 'audit.log'), 'utf8')).trimEnd().split('\n');
    const commits = audited
      .map((line) => JSON.parse(line))
      .filter(({ outcome, batch }) => outcome === 'batch committed' && batch === 'repeated');
    expect(commits).toHaveLength(1);
  });

  test('asked for twice at once happens once', async () => {
    const site = shared();
    for (const name of ['x', 'y', 'z']) await stage(site.baseUrl, 'at-once', rpm(name, '1.el23'));
    const answers = await Promise.all([1, 2, 3].map(() => commit(site.baseUrl, 'at-once', 'wait=50')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await namesIn(site, '23/x86_64')).toHaveLength(3);
  });

  test('takes what is in the repository already for unchanged', async () => {
    const site = shared();
    await putPackage(site.baseUrl, rpm('x', '1.el24'));
    for (const name of ['x', 'y']) await stage(site.baseUrl, 'there', rpm(name, '1.el24'));
    expect(documentOf(await commit(site.baseUrl, 'there')).packages).toMatchObject([
      { outcome: 'unchanged' },
      { outcome: 'created' },
    ]);
  });

  test('keeps the releasever that a member was sent with, and one package for two of them', async () => {
    const site = shared();
    const bytes = rpm('plain', '1');
    expect((await stage(site.baseUrl, 'releasevers', bytes)).json()).toMatchObject({
      code: 'RELEASEVER_UNKNOWN',
    });
    for (const version of ['25', '26'])
      await stage(site.baseUrl, 'releasevers', bytes, `releasever=${version}`);
    for (const query of ['', 'releasever=26'])
      await stage(site.baseUrl, 'releasevers', rpm('tagged', '1.el26'), query);
    expect((await commit(site.baseUrl, 'releasevers')).status).toBe(200);
    expect(await namesIn(site, '25/x86_64')).toEqual(['plain-1.0-1.x86_64.rpm']);
    expect(await namesIn(site, '26/x86_64')).toEqual([
      'plain-1.0-1.x86_64.rpm',
      'tagged-1.0-1.el26.x86_64.rpm',
    ]);
  });
});

describe('a batch', () => {
  const shared = shareSite(() => startSite({ front: 'none', config: QUIET }));

  test('takes a wait at its commit only, and a name that could be a directory', async () => {
    const site = shared();
    const before = await readdir(join(site.stateDir, 'batches'));
    expect((await stage(site.baseUrl, 'named', rpm('x'), 'wait=5')).json()).toMatchObject({
      status: 400,
      code: 'PARAMETER_INVALID',
    });
    for (const name of ['../b', '.b', 'a/b', 'a b', 'ü', 'x'.repeat(101)]) {
      const answer = await stage(site.baseUrl, Buffer.from(name).toString('latin1'), rpm('x'));
      expect(answer.json()).toMatchObject({ status: 400, code: 'PARAMETER_INVALID' });
    }
    for (const id of ['..%2fmarks', '%2e%2e', '..%2f..%2fstate']) {
      expect((await commit(site.baseUrl, id)).status).toBe(404);
      expect((await dropBatch(site.baseUrl, id)).status).toBe(404);
    }
    expect(await readdir(join(site.stateDir, 'batches'))).toEqual(before);
    expect(await site.leftovers()).toEqual([]);
  });

  test('refuses a bad member at once, and keeps nothing of it', async () => {
    const site = shared();
    const cut = await stage(site.baseUrl, 'bad', rpm('x').subarray(0, 300));
    expect(cut.json()).toMatchObject({ status: 400, code: 'RPM_TRUNCATED' });
    expect((await commit(site.baseUrl, 'bad')).json()).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('is listed until it is dropped, which leaves nothing', async () => {
    const site = shared();
    await stage(site.baseUrl, 'b1', rpm('x'));
    await stage(site.baseUrl, 'b2', rpm('y'));
    const list = await sendRequest(site.baseUrl, { path: '/api/v1/batches' });
    expect(list.json()).toMatchObject({
      batches: [
        { batch: 'b1', state: 'staged', packageCount: 1, sizeBytes: rpm('x').length },
        { batch: 'b2', state: 'staged' },
      ],
    });
    expect((await dropBatch(site.baseUrl, 'b1')).status).toBe(204);
    expect((await dropBatch(site.baseUrl, 'b1')).status).toBe(404);
    expect(await batchAt(site.baseUrl, 'b1')).toBeUndefined();
    expect(await readdir(join(site.stateDir, 'batches'))).toEqual(['b2']);
    await commit(site.baseUrl, 'b2');
    expect((await dropBatch(site.baseUrl, 'b2')).json()).toMatchObject({ code: 'BATCH_COMMITTED' });
  });

  test('that is staged outlives a kill, and goes after batches.keep_hours', async () => {
    const config = { ...QUIET, batches: { keep_hours: 1 } };
    await using site = await startSite({ front: 'none', config });
    for (const id of ['old', 'fresh', 'done']) await stage(site.baseUrl, id, rpm(id));
    await commit(site.baseUrl, 'done');
    await site.service.kill();
    const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const id of ['old', 'done'])
      await utimes(join(site.stateDir, 'batches', id), twoHoursAgo, twoHoursAgo);
    await site.restart();
    await site.service.whenLogged(({ msg }) => msg === 'dropped batches that no client committed in time');
    expect(await readdir(join(site.stateDir, 'batches'))).toEqual(['fresh']);
    await eventually(async () =>
      expect(await readFile(join(site.stateDir, 'audit.log'), 'utf8')).toContain(
        '"who":"service","outcome":"batch expired","batch":"old"',
      ),
    );
    expect(await namesIn(site, '9/x86_64')).toEqual(['done-1.0-1.el9.x86_64.rpm']);
    expect((await commit(site.baseUrl, 'fresh', 'wait=50')).status).toBe(200);
  });

  test('is for those who may upload to every repository of it', async () => {
    await using site = await startAccessSite('none');
    const withToken = (token: string): readonly string[] => ['-H', `Authorization: Bearer ${token}`];
    const path = join(site.workDir, 'x.rpm');
    await writeFile(path, rpm('x'));
    const upload = ['-H', 'X-Batch: b', '-T', path, `${site.baseUrl}/upload`];
    expect(await runCurl(...upload)).toMatchObject({ status: 401 });
    expect(await runCurl(...withToken(CI_TOKEN), ...upload)).toMatchObject({ status: 202 });
    const url = `${site.baseUrl}/api/v1/batches/b`;
    for (const [method, target] of [
      ['POST', `${url}/commit`],
      ['DELETE', url],
    ] as const) {
      expect(await runCurl('-X', method, target)).toMatchObject({ status: 401 });
      expect(await runCurl(...withToken(READER_TOKEN), '-X', method, target)).toMatchObject({ status: 403 });
    }
    expect(await runCurl(...withToken(CI_TOKEN), '-X', 'POST', `${url}/commit`)).toMatchObject({
      status: 200,
    });
  });
});

describe('a batch whose commit was decided before a crash', () => {
  /** Leaves the service stopped, with a decided batch of two packages that are not placed. */
  async function decide(site: Site): Promise<void> {
    await putPackage(site.baseUrl, rpm('first'), 'wait=50');
    for (const name of ['x', 'y']) await stage(site.baseUrl, 'b', rpm(name));
    await site.service.kill();
    const directory = join(site.stateDir, 'batches/b');
    const facts = (await readdir(directory)).filter((name) => name.endsWith('.json'));
    const members = await Promise.all(facts.map(async (name) => readFile(join(directory, name), 'utf8')));
    await writeFile(join(directory, 'decision.json'), `[${members.join()}]`);
  }

  test('is in the repository when the service takes the next request', async () => {
    await using site = await startSite({ front: 'none', config: QUIET });
    await decide(site);
    await site.restart();
    expect(await batchAt(site.baseUrl, 'b')).toMatchObject({ state: 'committed' });
    expect(await namesIn(site, '9/x86_64')).toHaveLength(3);
    expect(documentOf(await commit(site.baseUrl, 'b', 'wait=50')).packages).toMatchObject([
      { places: [{ state: 'published' }] },
      { places: [{ state: 'published' }] },
    ]);
  });

  test('is placed by "rpmyard reindex" without a service', async () => {
    await using site = await startSite({ front: 'none', config: QUIET });
    await decide(site);
    const { exitCode } = await runRpmyard('reindex', '-c', site.service.configPath, '9/x86_64');
    expect(exitCode).toBe(0);
    expect(await readIndex(readerOnDisk(site.storageDir, '9/x86_64'))).toMatchObject({
      packages: { size: 3 },
    });
  });

  test('keeps the former index while a file of another stands in its way, and says so', async () => {
    await using site = await startSite({ front: 'none', config: { index_updater: { quiet_seconds: 0 } } });
    await decide(site);
    const inTheWay = join(site.storageDir, '9/x86_64/Packages/y-1.0-1.el9.x86_64.rpm');
    await writeFile(inTheWay, rpm('other'));
    await site.restart();
    await eventually(async () => {
      const { text } = await sendRequest(site.baseUrl, { path: '/readyz' });
      expect(JSON.parse(text)).toMatchObject({
        status: 'degraded',
        faults: [{ repository: '9/x86_64', code: 'BATCH_UNPLACED', affects: 'indexes' }],
      });
    });
    expect(await indexed(site, '9/x86_64')).toEqual(['Packages/first-1.0-1.el9.x86_64.rpm']);
    expect((await commit(site.baseUrl, 'b')).json()).toMatchObject({ status: 503, code: 'BATCH_UNPLACED' });
    await rm(inTheWay);
    expect((await commit(site.baseUrl, 'b', 'wait=50')).status).toBe(200);
    expect(await indexed(site, '9/x86_64')).toHaveLength(3);
  });
});

test('an index run never sees a part of a batch, however many uploads come meanwhile', async () => {
  await using site = await startSite({ front: 'none', config: { index_updater: { quiet_seconds: 0 } } });
  const members = Array.from({ length: 40 }, (_, index) => rpm(`member${index}`));
  for (const bytes of members) await stage(site.baseUrl, 'b', bytes);
  await putPackage(site.baseUrl, rpm('first'), 'wait=50');
  const seen = new Set<number>();
  const over = new AbortController();
  const reading = (async () => {
    while (!over.signal.aborted) {
      const names = await indexed(site, '9/x86_64');
      seen.add(names.filter((name) => name.includes('/member')).length);
    }
  })();
  const uploading = (async () => {
    for (let index = 0; !over.signal.aborted; index += 1)
      await putPackage(site.baseUrl, rpm(`single${index}`));
  })();
  await commit(site.baseUrl, 'b', 'wait=50');
  await eventually(() => expect(seen.has(40)).toBe(true));
  over.abort();
  await Promise.all([reading, uploading]);
  expect([...seen].toSorted((a, b) => a - b)).toEqual([0, 40]);
});
