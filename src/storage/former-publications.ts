import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../base/files/if-there.ts';
import { readIfThere } from '../base/files/read-if-there.ts';
import { generationName, MIRRORLIST, REPOMD_FILES } from '../rpm/repodata-names.ts';
import { parseRepomd, type Repomd } from '../rpm/repodata/repomd.ts';
import { listGenerations, readMirrorlistGeneration } from './generations.ts';
import { readSoundRepomd } from './read-repomd.ts';

/** The values that the next publication of a repository must exceed, whatever the clock says. */
export interface FormerPublications {
  /** The greatest number of a generation, and the latest second that a public file is dated with. */
  readonly lastSecond: number;
  /** The greatest revision that is a number; 0 when none is. */
  readonly lastRevision: bigint;
  /** Of the latest file that repomd.xml names. */
  readonly lastTimestampSeconds: number;
}

// Longer than any date with a counter; what is longer is no count.
const NUMBER = /^\d{1,32}$/;

/**
 * Reads the public files of a repository and its last generation, which after a crash or an edit by hand are two: a
 * tree that is taken over may be dated later than the clock.
 */
export async function readFormerPublications(repositoryDir: string): Promise<FormerPublications> {
  const publicDir = join(repositoryDir, 'repodata');
  const newest = (await listGenerations(repositoryDir)).at(-1);
  const named = await readMirrorlistGeneration(repositoryDir);
  const paths = [...REPOMD_FILES.map((name) => join(publicDir, name)), join(repositoryDir, MIRRORLIST)];
  const seconds = await Promise.all(paths.map(modifiedSecond));
  const found = [await readSoundRepomd(repositoryDir), await readGeneration(repositoryDir, newest)].filter(
    (repomd) => repomd !== undefined,
  );
  return {
    lastSecond: Math.max(newest ?? 0, named ?? 0, ...seconds),
    lastRevision: found.map(readRevision).reduce((a, b) => (a > b ? a : b), 0n),
    lastTimestampSeconds: Math.max(
      0,
      ...found.flatMap(({ data }) => data.map(({ timestampSeconds }) => timestampSeconds ?? 0)),
    ),
  };
}

/** 0 for a file that is not there. */
async function modifiedSecond(path: string): Promise<number> {
  const stats = await ifThere(stat(path));
  return Math.ceil((stats?.mtimeMs ?? 0) / 1000);
}

/** Undefined also for a damaged one. */
async function readGeneration(
  repositoryDir: string,
  generation: number | undefined,
): Promise<Repomd | undefined> {
  if (generation === undefined) return undefined;
  const xml = await readIfThere(join(repositoryDir, 'repodata', generationName(generation), 'repomd.xml'));
  try {
    return xml === undefined ? undefined : parseRepomd(xml);
  } catch {
    return undefined;
  }
}

function readRevision({ revision }: Repomd): bigint {
  return NUMBER.test(revision) ? BigInt(revision) : 0n;
}

/** The later of each. */
export function pickLatest(a: FormerPublications | undefined, b: FormerPublications): FormerPublications {
  if (a === undefined) return b;
  return {
    lastSecond: Math.max(a.lastSecond, b.lastSecond),
    lastRevision: a.lastRevision > b.lastRevision ? a.lastRevision : b.lastRevision,
    lastTimestampSeconds: Math.max(a.lastTimestampSeconds, b.lastTimestampSeconds),
  };
}

/** The revision of the next publication: the clock's second, or one more than any there was. */
export function nextRevision({ lastSecond, lastRevision }: FormerPublications, nowMs: number): string {
  const second = BigInt(Math.max(Math.floor(nowMs / 1000), lastSecond + 1));
  return String(second > lastRevision ? second : lastRevision + 1n);
}
