import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync, type ZlibOptions } from 'node:zlib';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { craftRpm } from '../support/craft-rpm.ts';
import { eventually } from '../support/eventually.ts';
import { GOOD_COMPS } from '../support/metadata-documents.ts';
import { readerOverHttp, readIndex } from '../support/read-index.ts';
import { modifyRepo, runCreaterepo } from '../support/run-createrepo.ts';
import { runRpmyard } from '../support/run-rpmyard.ts';
import { startSite } from '../support/run-site.ts';
import { putPackage, sendRequest } from '../support/send-request.ts';
import { createUploadTimes } from '../support/upload-times.ts';

const REPOSITORY = '9/x86_64';
const MIB = 1024 * 1024;
/** Asking all the time would take a processor from what is measured. */
const ASK_EVERY_MS = 50;
const OF_EACH_KIND = 2;
const FAST: ZlibOptions = { level: 1 };

/** 500 MiB of one text, in a gzip file of members that repeat. */
function huge(start: string, end: string): Uint8Array {
  const member = gzipSync(Buffer.alloc(10 * MIB, 'x'), FAST);
  const members = Array.from({ length: 50 }, () => member);
  return Buffer.concat([gzipSync(start), ...members, gzipSync(end)]);
}

/** Each is small, and would take gigabytes to read as a whole. */
async function attacks(): Promise<ReadonlyMap<string, Uint8Array>> {
  const options = ['--format=xz', '--lzma2=dict=384MiB', '-c'];
  const xz = await execa('xz', options, { input: '<updates/>', encoding: 'buffer' });
  const updates = huge('<updates><!--', '--></updates>');
  return new Map([
    ['modules', gzipSync(`document: x\ndata: [${'{},'.repeat(20 * MIB)}{}]\n`, FAST)],
    ['group', huge('<comps>', '</comps>')],
    ['updateinfo', updates],
    ['susedata', huge('<susedata a="', '"/>')],
    ['suseinfo', xz.stdout],
  ]);
}

/** What a process and all that it started hold in memory. */
async function treeBytes(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  const children = lists.flatMap((list) => list.split(' ').filter(Boolean)).map(Number);
  const ofChildren = await Promise.all(children.map(treeBytes));
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const own = 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return ofChildren.reduce((sum, bytes) => sum + bytes, own);
}

/** The most that a process and its children held together while the work went on. */
async function peakBytes(pid: number, work: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  const done = work.finally(() => over.abort());
  let peak = 0;
  while (!over.signal.aborted) {
    peak = Math.max(peak, await treeBytes(pid));
    await delay(ASK_EVERY_MS);
  }
  await done;
  return peak;
}

const put = (baseUrl: string, type: string, body: Uint8Array | string, query = '') =>
  sendRequest(baseUrl, {
    method: 'PUT',
    path: `/api/v1/repositories/${REPOSITORY}/metadata/${type}${query}`,
    headers: { accept: 'application/json' },
    body: Buffer.from(body),
  });

describe('hostile metadata', () => {
  test('ten files at once are refused within 1 GiB, while packages are taken in two seconds and hosts read on', async () => {
    const files = await attacks();
    await using site = await startSite({ front: 'none' });
    const { baseUrl, pid } = site.service;
    await putPackage(baseUrl, craftRpm({ name: 'alpha' }), 'wait=50');
    const sent = [...files].flatMap(([type, body]) =>
      Array.from({ length: OF_EACH_KIND }, () => put(baseUrl, type, body)),
    );
    const over = new AbortController();
    const answers = Promise.all(sent).finally(() => over.abort());
    const peak = peakBytes(pid, answers);
    const times = createUploadTimes();
    let count = 0;
    while (!over.signal.aborted) {
      count += 1;
      const { status } = await times.measure(() => putPackage(baseUrl, craftRpm({ name: `p${count}` })));
      expect(status).toBe(201);
      expect((await sendRequest(baseUrl, { path: `/repo/${REPOSITORY}/repodata/repomd.xml` })).status).toBe(
        200,
      );
      await delay(ASK_EVERY_MS);
    }
    for (const answer of await answers) {
      expect(answer.json()).toMatchObject({ status: 422, code: 'METADATA_INVALID' });
      expect(answer.text).not.toContain(site.root);
    }
    times.expectFast();
    expect(await peak).toBeLessThan(1024 * MIB);
    expect(await put(baseUrl, 'group', GOOD_COMPS, '?wait=50')).toMatchObject({ status: 200 });
    expect((await readIndex(readerOverHttp(baseUrl, REPOSITORY))).repomdXml).toContain('type="group"');
    await eventually(async () => expect(await site.leftovers()).toEqual([]));
  });

  test('gives way when its client leaves, and when the service stops', async () => {
    const slow = gzipSync(`<updates>${'<a/>'.repeat(25 * MIB)}</updates>`, FAST);
    await using site = await startSite({ front: 'none' });
    const { baseUrl } = site.service;
    await putPackage(baseUrl, craftRpm({ name: 'alpha' }), 'wait=50&releasever=9');
    const path = `/api/v1/repositories/${REPOSITORY}/metadata/updateinfo`;
    const leaving = new AbortController();
    const left = fetch(`${baseUrl}${path}`, { method: 'PUT', body: slow, signal: leaving.signal });
    await eventually(async () => expect(await readdir(site.incomingDir)).toHaveLength(2));
    leaving.abort();
    await expect(left).rejects.toMatchObject({ name: 'AbortError' });
    await eventually(async () => expect(await site.leftovers()).toEqual([]));

    const waiting = Array.from({ length: 3 }, () => put(baseUrl, 'updateinfo', slow));
    await eventually(async () => expect(await readdir(site.incomingDir)).toHaveLength(4));
    const startedMs = performance.now();
    await site.service.stop();
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    for (const answer of await Promise.all(waiting)) {
      expect(answer.json()).toMatchObject({ status: 503, code: 'SHUTTING_DOWN' });
    }
    expect(await site.leftovers()).toEqual([]);
  });

  test('in a tree that is adopted is named, and the rest of the tree goes on', async () => {
    const files = await attacks();
    await using site = await startSite({ front: 'none' });
    const tree = join(site.workDir, 'old');
    await mkdir(tree);
    await writeFile(join(tree, 'alpha.rpm'), craftRpm({ name: 'alpha' }));
    await runCreaterepo(tree);
    for (const [type, body] of files) {
      // It unpacks and packs what it adds: the index names a small file, which is then replaced.
      const path = join(site.workDir, `${type}.xml`);
      await writeFile(path, '<small/>');
      await modifyRepo(tree, type, path);
      await replace(tree, type, body);
    }
    const { exitCode, stdout } = await runRpmyard(
      'adopt',
      '--config',
      site.service.configPath,
      '--json',
      tree,
    );
    const report: unknown = JSON.parse(stdout);
    expect(exitCode).toBe(1);
    expect(report).toMatchObject({
      refusals: [...files].map(() => ({ code: 'METADATA_INVALID' })),
    });
  });
});

/** Puts other bytes in place of the metadata of a type, and their checksum into repomd.xml. */
async function replace(tree: string, type: string, body: Uint8Array): Promise<void> {
  const repomdPath = join(tree, 'repodata/repomd.xml');
  const xml = await readFile(repomdPath, 'utf8');
  const element = new RegExp(`<data type="${type}">[^]*?</data>`).exec(xml)?.[0] ?? '';
  const href = /href="([^"]+)"/.exec(element)?.[1] ?? '';
  await writeFile(join(tree, href), body);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const changed = element.replace(/(<checksum type="sha256">)[0-9a-f]+/, `$1${sha256}`);
  await writeFile(repomdPath, xml.replace(element, changed));
}
