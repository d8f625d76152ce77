import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPublicationWhole } from '../../src/reindex/check-publication.ts';
import {
  filesOfGeneration,
  listGenerations,
  readMirrorlistGeneration,
} from '../../src/reindex/generations.ts';
import { publishRepodata, type Publication, type RepomdSigner } from '../../src/reindex/publish-repodata.ts';
import { readRepomd } from '../../src/reindex/read-metadata.ts';
import { thinSuperseded } from '../../src/reindex/thin-superseded.ts';
import { writeIndex } from '../../src/reindex/write-index.ts';
import type { Superseded } from '../../src/records/records.ts';
import { createTempDir, type TempDir } from '../support/temp-dir.ts';

const URL_BASE = 'http://repo.example.com/repo/9/x86_64/';
const NOW_MS = Date.UTC(2026, 0, 1);
const NOW = NOW_MS / 1000;
const HOUR_MS = 3_600_000;
const RULES = { keepOldMs: 24 * HOUR_MS, keepOldBytes: 1_000_000 };

/** Signs by saying so. */
const signerOf = (key: string): RepomdSigner => ({
  sign: async (content) => `${key} signed ${content.length}`,
  isSignedNow: async (content, signature) => signature === `${key} signed ${content.length}`,
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
  await writeIndex([], { outputDir: scratchDir, format: runs % 2 === 0 ? 'gzip' : 'zstd', nowMs: runs });
  const publication = { url: URL_BASE, signer: signerOf('A'), nowMs: NOW_MS, ...given };
  await publishRepodata(repositoryDir, scratchDir, publication);
  return publication;
}

const inRepodata = (name: string): string => join(repositoryDir, 'repodata', name);
const read = (name: string): Promise<string> => readFile(join(repositoryDir, name), 'utf8');

describe('a publication', () => {
  it('is a generation of its own, with the repomd.xml and the signature that are public', async () => {
    await publish();
    expect(await listGenerations(repositoryDir)).toEqual([NOW]);
    for (const name of ['repomd.xml', 'repomd.xml.asc']) {
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
    await publish({ nowMs: NOW_MS - HOUR_MS });
    expect(await listGenerations(repositoryDir)).toEqual([NOW, NOW + 1, NOW + 2]);
    for (const number of [NOW, NOW + 1, NOW + 2]) await rm(inRepodata(`@${number}`), { recursive: true });
    await publish();
    expect(await listGenerations(repositoryDir)).toEqual([NOW + 3]);
    expect(await readMirrorlistGeneration(repositoryDir)).toBe(NOW + 3);
  });

  it('leaves no signature of another one when nothing is signed', async () => {
    await publish();
    await publish({ signer: undefined });
    expect(await readdir(inRepodata(''))).not.toContain('repomd.xml.asc');
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

describe('what is public is as published', () => {
  it('until a key, the URL, or signing at all changes', async () => {
    const publication = await publish();
    expect(await isPublicationWhole(repositoryDir, publication)).toBe(true);
    const others = [
      { ...publication, signer: signerOf('B') },
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
    ['the mirrorlist', () => rm(join(repositoryDir, 'mirrorlist'))],
    ['the generation', () => rm(inRepodata(`@${NOW}`), { recursive: true })],
    ['the generation alone', () => rm(inRepodata(`@${NOW}/repomd.xml.asc`))],
    ['what a crash left: a newer generation', () => mkdir(inRepodata(`@${NOW + 1}`))],
  ])('until somebody or a crash changes %s', async (_, change) => {
    const publication = await publish();
    await change();
    expect(await isPublicationWhole(repositoryDir, publication)).toBe(false);
    expect(await isPublicationWhole(repositoryDir, await publish())).toBe(true);
  });

  it('not when nobody can tell: the run says why', async () => {
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
    const paths = [...former, `@${NOW}/repomd.xml`, `@${NOW}/repomd.xml.asc`].map(inRepodata);
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

  it('whose file somebody removed goes at once', async () => {
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
