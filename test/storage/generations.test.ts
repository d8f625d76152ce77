import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPublicationWhole } from '../../src/storage/local/check-publication.ts';
import {
  filesOfGeneration,
  listGenerations,
  readMirrorlistGeneration,
} from '../../src/storage/generations.ts';
import { publishRepodata } from '../../src/storage/local/publish-repodata.ts';
import type { Publication, RepomdSigner } from '../../src/storage/publications.ts';
import { readRepomd } from '../../src/storage/read-repomd.ts';
import { thinSuperseded } from '../../src/storage/local/thin-superseded.ts';
import { writeIndex } from '../../src/indexing/engines/incremental/write-index.ts';
import type { Superseded } from '../../src/storage/local/sqlite-records.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const URL_BASE = 'http://repo.example.com/repo/9/x86_64/';
const NOW_MS = Date.UTC(2026, 0, 1);
/** The first second that begins after it: the number of the first generation. */
const NOW = NOW_MS / 1000 + 1;
const HOUR_MS = 3_600_000;
const RULES = { keepOldMs: 24 * HOUR_MS, keepOldBytes: 1_000_000 };

/** Signs by saying so. */
const signerOf = (key: string): RepomdSigner => ({
  sign: async (content) => `${key} signed ${content.length}`,
  isSignedNow: async (content, signature) => signature === `${key} signed ${content.length}`,
  publicKeys: async () => `public ${key}`,
});

let root: TempDir;
let repositoryDir: string;
let runs: number;

beforeEach(async () => {
  root = await createTempDir();
  repositoryDir = join(root.path, '9/x86_64');
  runs = 0;
});
afterEach(() => root.remove());

/** Publishes an empty index, each one with other metadata than the former. */
async function publish(given: Partial<Publication> = {}): Promise<Publication> {
  runs += 1;
  const scratchDir = join(root.path, `scratch-${runs}`);
  await mkdir(scratchDir);
  await writeIndex([], {
    outputDir: scratchDir,
    format: runs % 2 === 0 ? 'gzip' : 'zstd',
    nowMs: runs * 1000,
  });
  const publication = { url: URL_BASE, signer: signerOf('A'), now: () => NOW_MS, ...given };
  await publishRepodata(repositoryDir, scratchDir, publication);
  return publication;
}

const inRepodata = (name: string): string => join(repositoryDir, 'repodata', name);
const read = (name: string): Promise<string> => readFile(join(repositoryDir, name), 'utf8');

describe('a publication', () => {
  it('is a generation of its own, with the repomd.xml and the signature that are public', async () => {
    await publish();
    expect(await listGenerations(repositoryDir)).toEqual([NOW]);
    for (const name of ['repomd.xml', 'repomd.xml.asc', 'repomd.xml.key']) {
      expect(await read(`repodata/@${NOW}/${name}`)).toBe(await read(`repodata/${name}`));
    }
    expect(await read('mirrorlist')).toBe(`${URL_BASE}@${NOW}/\n${URL_BASE}\n`);
    const files = await filesOfGeneration(repositoryDir, NOW);
    expect(files).toHaveLength(3);
    expect(await readdir(inRepodata(''))).toEqual(expect.arrayContaining([...(files ?? [])]));
  });

  it('gets a number that never was, also when the clock stands still or is set back', async () => {
    await publish();
    await publish();
    await publish({ now: () => NOW_MS - HOUR_MS });
    expect(await listGenerations(repositoryDir)).toEqual([NOW, NOW + 1, NOW + 2]);
    for (const number of [NOW, NOW + 1, NOW + 2]) await rm(inRepodata(`@${number}`), { recursive: true });
    await publish();
    expect(await listGenerations(repositoryDir)).toEqual([NOW + 3]);
    expect(await readMirrorlistGeneration(repositoryDir)).toBe(NOW + 3);
  });

  it('leaves no signature and no key of another one when nothing is signed', async () => {
    await publish();
    await publish({ signer: undefined });
    for (const name of ['repomd.xml.asc', 'repomd.xml.key']) {
      expect(await readdir(inRepodata(''))).not.toContain(name);
    }
    expect(await readdir(inRepodata(`@${NOW + 1}`))).toEqual(['repomd.xml']);
    expect(await readdir(inRepodata(`@${NOW}`))).toContain('repomd.xml.asc');
  });

  it('that cannot be signed changes nothing', async () => {
    await publish();
    const before = await readdir(inRepodata(''));
    const signer = { ...signerOf('A'), sign: async () => Promise.reject(new Error('no key')) };
    await expect(publish({ signer })).rejects.toThrow('no key');
    expect(await readdir(inRepodata(''))).toEqual(before);
  });
});

const ofRepository = (name: string): string => join(repositoryDir, name);
const repomdNow = async () => {
  const found = await readRepomd(repositoryDir);
  if (found === undefined) throw new Error('expected a repomd.xml');
  return found.repomd;
};

describe('the age of a publication', () => {
  const DATED = ['repodata/repomd.xml', 'repodata/repomd.xml.asc', 'repodata/repomd.xml.key', 'mirrorlist'];
  const secondsOf = (names: readonly string[]) =>
    Promise.all(names.map(async (name) => (await stat(ofRepository(name))).mtimeMs / 1000));

  it('is a whole second of its own for all that it replaces, also when the clock stands still or is set back', async () => {
    await publish();
    expect(await secondsOf(DATED)).toEqual(DATED.map(() => NOW));
    await publish();
    expect(await secondsOf(DATED)).toEqual(DATED.map(() => NOW + 1));
    await publish({ now: () => NOW_MS - HOUR_MS, signer: signerOf('B') });
    expect(await secondsOf(DATED)).toEqual(DATED.map(() => NOW + 2));
    const own = ['repomd.xml', 'repomd.xml.asc', 'repomd.xml.key'].map((name) => `repodata/@${NOW}/${name}`);
    expect(await secondsOf(own)).toEqual(own.map(() => NOW));
  });

  it('is later than any second in which a client can have read the former one', async () => {
    await publish({ now: () => NOW_MS + 999 });
    expect(await listGenerations(repositoryDir)).toEqual([NOW]);
    await publish({ now: () => NOW_MS + 1000 });
    expect(await listGenerations(repositoryDir)).toEqual([NOW, NOW + 1]);
  });

  it.each(DATED)('is later than that of a %s that was there before', async (name) => {
    await publish();
    for (const number of await listGenerations(repositoryDir)) {
      await rm(inRepodata(`@${number}`), { recursive: true });
    }
    const future = NOW + 5000;
    await utimes(ofRepository(name), future + 0.5, future + 0.5);
    await publish();
    expect(await secondsOf(DATED)).toEqual(DATED.map(() => future + 2));
  });

  it('never goes back in the revision', async () => {
    const revisions: string[] = [];
    for (const ms of [0, 0, -HOUR_MS, 0, HOUR_MS]) {
      await publish({ now: () => NOW_MS + ms });
      revisions.push((await repomdNow()).revision);
    }
    const first = NOW_MS / 1000;
    expect(revisions).toEqual([first, first + 2, first + 3, first + 4, first + 3600].map(String));
  });

  it.each([
    ['later than the clock', '1999999999', '2000000000'],
    ['a date with a counter', '202601010000000000000007', '202601010000000000000008'],
    ['a text', 'release-7', String(NOW + 1)],
    ['no count', '9'.repeat(33), String(NOW + 1)],
  ])('follows the revision of a tree that is taken over: %s', async (_, revision, expected) => {
    await publish();
    const xml = await read('repodata/repomd.xml');
    await writeFile(inRepodata('repomd.xml'), xml.replace(/<revision>.*?</, `<revision>${revision}<`));
    await utimes(inRepodata('repomd.xml'), NOW, NOW);
    await publish();
    expect((await repomdNow()).revision).toBe(expected);
  });

  it('follows the last generation when repomd.xml is damaged', async () => {
    await publish();
    for (const path of [inRepodata('repomd.xml'), inRepodata(`@${NOW}/repomd.xml`)]) {
      const xml = await readFile(path, 'utf8');
      await writeFile(path, xml.replace(/<revision>.*?</, '<revision>1999999999<'));
    }
    await writeFile(inRepodata('repomd.xml'), 'damaged');
    await utimes(inRepodata('repomd.xml'), NOW, NOW);
    await publish();
    expect((await repomdNow()).revision).toBe('2000000000');
  });

  it.each([
    ['later than the clock', '1999999999', 1_999_999_999],
    ['a fraction, as Python wrote it', '1999999999.25', 2_000_000_000],
    ['no time', 'yesterday', 2],
  ])('follows the latest timestamp of a tree that is taken over: %s', async (_, timestamp, expected) => {
    await publish();
    const group = `<data type="group"><checksum type="sha256">0</checksum><location href="repodata/x"/><timestamp>${timestamp}</timestamp></data></repomd>`;
    const xml = await read('repodata/repomd.xml');
    await writeFile(inRepodata('repomd.xml'), xml.replace('</repomd>', group));
    await publish();
    const { data } = await repomdNow();
    expect(data.map(({ type }) => type)).toContain('group');
    const own = data.filter(({ type }) => type !== 'group');
    const seconds = own.map(({ timestampSeconds }) => timestampSeconds ?? 0);
    expect(seconds).toHaveLength(3);
    for (const second of seconds) expect(second).toBeGreaterThanOrEqual(expected);
    expect(Math.max(...seconds)).toBe(expected);
  });
});

describe('what is public is as published', () => {
  it('until a key, the URL, or signing at all changes', async () => {
    const publication = await publish();
    expect(await isPublicationWhole(repositoryDir, publication)).toBe(true);
    const others = [
      { ...publication, signer: signerOf('B') },
      { ...publication, signer: { ...signerOf('A'), publicKeys: async () => 'public A and B' } },
      { ...publication, signer: undefined },
      { ...publication, url: 'http://other/' },
    ];
    for (const other of others) expect(await isPublicationWhole(repositoryDir, other)).toBe(false);
    await publish({ signer: undefined });
    expect(await isPublicationWhole(repositoryDir, { ...publication, signer: undefined })).toBe(true);
    expect(await isPublicationWhole(repositoryDir, publication)).toBe(false);
  });

  it.each<[string, () => Promise<void>]>([
    ['repomd.xml', () => writeFile(inRepodata('repomd.xml'), '<repomd/>')],
    ['the signature', () => writeFile(inRepodata('repomd.xml.asc'), 'A signed 1')],
    ['the key', () => writeFile(inRepodata('repomd.xml.key'), 'public B')],
    ['the key that is gone', () => rm(inRepodata('repomd.xml.key'))],
    ['the mirrorlist', () => rm(join(repositoryDir, 'mirrorlist'))],
    ['the generation', () => rm(inRepodata(`@${NOW}`), { recursive: true })],
    ['the generation alone', () => rm(inRepodata(`@${NOW}/repomd.xml.asc`))],
    ['what a crash left: a newer generation', () => mkdir(inRepodata(`@${NOW + 1}`))],
  ])('until a person or a crash changes %s', async (_, change) => {
    const publication = await publish();
    await change();
    expect(await isPublicationWhole(repositoryDir, publication)).toBe(false);
    expect(await isPublicationWhole(repositoryDir, await publish())).toBe(true);
  });

  it('not when that cannot be told: the run says why', async () => {
    const publication = await publish();
    const signer = { ...signerOf('A'), isSignedNow: async () => Promise.reject(new Error('no gpg')) };
    expect(await isPublicationWhole(repositoryDir, { ...publication, signer })).toBe(false);
  });
});

describe('a generation', () => {
  async function thin(known: readonly Superseded[], nowMs: number, keepOldBytes = RULES.keepOldBytes) {
    const repomd = (await readRepomd(repositoryDir))?.repomd;
    if (repomd === undefined) throw new Error('expected a repomd.xml');
    const rules = { ...RULES, keepOldBytes };
    return thinSuperseded({ repositoryDir, repomd, known, rules, nowMs });
  }

  it('stays as long as its files, and goes with them', async () => {
    await publish();
    await publish();
    const known = await thin([], NOW_MS);
    expect(known.map(({ fileName }) => fileName)).toContain(`@${NOW}`);
    expect(await thin(known, NOW_MS + RULES.keepOldMs)).toEqual(known);
    expect(await thin(known, NOW_MS + RULES.keepOldMs + 1)).toEqual([]);
    expect(await listGenerations(repositoryDir)).toEqual([NOW + 1]);
    expect(await filesOfGeneration(repositoryDir, NOW + 1)).toHaveLength(3);
    expect((await readdir(inRepodata(''))).filter((name) => /^[0-9a-f]{64}-/.test(name))).toHaveLength(3);
  });

  it('counts with the bytes of its files towards the limit', async () => {
    await publish();
    const former = (await filesOfGeneration(repositoryDir, NOW)) ?? [];
    await publish();
    const paths = [...former, `@${NOW}/repomd.xml`, `@${NOW}/repomd.xml.asc`, `@${NOW}/repomd.xml.key`].map(
      inRepodata,
    );
    const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const known = await thin([], NOW_MS);
    expect(await thin(known, NOW_MS + 2 * HOUR_MS, bytes)).toEqual(known);
    expect(await thin(known, NOW_MS + 2 * HOUR_MS, bytes - 1)).not.toEqual(known);
  });

  it('goes as soon as one of its files must, to make room', async () => {
    await publish();
    await publish();
    const known = await thin([], NOW_MS);
    const left = await thin(known, NOW_MS + 2 * HOUR_MS, 0);
    expect(left).toEqual([]);
    expect(await listGenerations(repositoryDir)).toEqual([NOW + 1]);
  });

  it('whose file was removed goes at once', async () => {
    await publish();
    await publish();
    const [first = ''] = (await filesOfGeneration(repositoryDir, NOW)) ?? [];
    await rm(inRepodata(first));
    await thin([], NOW_MS);
    expect(await listGenerations(repositoryDir)).toEqual([NOW + 1]);
  });

  it('that clients are led to stays with its files, whatever the clock and a crash say', async () => {
    await publish();
    const mirrorlist = await read('mirrorlist');
    await publish();
    await writeFile(join(repositoryDir, 'mirrorlist'), mirrorlist);
    await thin(await thin([], NOW_MS), NOW_MS + 100 * RULES.keepOldMs, 0);
    expect(await listGenerations(repositoryDir)).toEqual([NOW, NOW + 1]);
    for (const number of [NOW, NOW + 1]) {
      const files = (await filesOfGeneration(repositoryDir, number)) ?? [];
      expect(await readdir(inRepodata(''))).toEqual(expect.arrayContaining([...files]));
    }
  });
});
