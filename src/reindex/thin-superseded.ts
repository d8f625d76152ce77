import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errnoOf } from '../errors.ts';
import type { Superseded } from '../records/records.ts';
import type { Repomd } from '../repodata/repomd.ts';

export interface KeepRules {
  readonly keepOldMs: number;
  readonly keepOldBytes: number;
}

export interface SupersededFile extends Superseded {
  readonly sizeBytes: number;
}

// Minutes may lie between a client's repomd.xml and its last request for a file that it names.
const ALWAYS_KEPT_MS = 3_600_000;

// Only such names can be former metadata; anything else in repodata/ was put there by somebody and stays.
const CHECKSUM_NAMED = /^[0-9a-f]{32,128}-/;

/**
 * Removes metadata files that repomd.xml has not named for long enough.
 * @param known when each superseded file was first seen to be superseded.
 * @returns the superseded files that stay, to be known the next time.
 */
export async function thinSuperseded(options: {
  readonly repositoryDir: string;
  readonly repomd: Repomd;
  readonly known: readonly Superseded[];
  readonly rules: KeepRules;
  readonly nowMs: number;
}): Promise<readonly Superseded[]> {
  const directory = join(options.repositoryDir, 'repodata');
  const current = new Set(options.repomd.data.map(({ href }) => basename(href)));
  const sinceMs = new Map(options.known.map((file) => [file.fileName, file.sinceMs]));
  const superseded: SupersededFile[] = [];
  for (const fileName of await readdir(directory)) {
    if (!CHECKSUM_NAMED.test(fileName) || current.has(fileName)) continue;
    const sizeBytes = await sizeOf(join(directory, fileName));
    // Somebody else removed it.
    if (sizeBytes === undefined) continue;
    // A clock that was set back must not keep files for ever.
    const since = Math.min(sinceMs.get(fileName) ?? options.nowMs, options.nowMs);
    superseded.push({ fileName, sinceMs: since, sizeBytes });
  }
  const removable = chooseRemovable(superseded, options.rules, options.nowMs);
  for (const { fileName } of removable) await rm(join(directory, fileName), { force: true });
  return superseded.filter((file) => !removable.includes(file));
}

/** Those over the age limit, and the oldest beyond the size limit; none younger than an hour. */
export function chooseRemovable(
  superseded: readonly SupersededFile[],
  rules: KeepRules,
  nowMs: number,
): readonly SupersededFile[] {
  const oldestFirst = superseded.toSorted((a, b) => a.sinceMs - b.sinceMs);
  let keptBytes = superseded.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return oldestFirst.filter(({ sinceMs, sizeBytes }) => {
    const ageMs = nowMs - sinceMs;
    const isRemovable = ageMs > ALWAYS_KEPT_MS && (ageMs > rules.keepOldMs || keptBytes > rules.keepOldBytes);
    if (isRemovable) keptBytes -= sizeBytes;
    return isRemovable;
  });
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
