import { readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ifThere } from '../../base/files/if-there.ts';
import { syncDirectory } from '../../base/files/durable-files.ts';
import type { KeepRules } from '../publications.ts';
import type { Superseded } from './sqlite-records.ts';
import {
  generationName,
  generationNumber,
  isChecksumNamed,
  isSimplyNamed,
} from '../../rpm/repodata-names.ts';
import type { Repomd } from '../../rpm/repodata/repomd.ts';
import { filesOfGeneration, listGenerations, readMirrorlistGeneration } from '../generations.ts';

export interface SupersededFile extends Superseded {
  readonly sizeBytes: number;
}

// Minutes may lie between a client's repomd.xml and its last request for a file that it names.
const ALWAYS_KEPT_MS = 3_600_000;

/**
 * Removes metadata files that repomd.xml has not named for long enough, and generations: each before the first of the
 * files it names, so that none leads to a file that is gone.
 * @param known when each superseded file and generation was first seen to be superseded; a file whose name says nothing
 * counts only when it is known.
 * @returns what is superseded and stays, to be known the next time.
 */
export async function thinSuperseded(options: {
  readonly repositoryDir: string;
  readonly repomd: Repomd;
  readonly known: readonly Superseded[];
  readonly rules: KeepRules;
  readonly nowMs: number;
}): Promise<readonly Superseded[]> {
  const { repositoryDir, rules, nowMs } = options;
  const directory = join(repositoryDir, 'repodata');
  const generations = await readGenerations(repositoryDir);
  const current = new Set([
    ...options.repomd.data.map(({ href }) => basename(href)),
    ...generations.flatMap(({ isCurrent, files }) => (isCurrent ? (files ?? []) : [])),
  ]);
  const sinceMs = new Map(options.known.map((file) => [file.fileName, file.sinceMs]));
  const names = await readdir(directory);
  const isThere = new Set(names);
  const former = generations.filter(({ isCurrent }) => !isCurrent);
  const supersededNames = [
    // A person or a tool put any other file into repodata/; it stays.
    ...names.filter(
      (name) => !current.has(name) && !isGeneration(name) && (isFormer(name) || sinceMs.has(name)),
    ),
    ...former.map(({ name }) => name),
  ];
  const superseded: SupersededFile[] = [];
  for (const fileName of supersededNames) {
    // Undefined when another program removed it.
    const sizeBytes = await ifThere(readSize(join(directory, fileName)));
    if (sizeBytes === undefined) continue;
    // A clock that was set back must not keep files for ever.
    const since = Math.min(sinceMs.get(fileName) ?? nowMs, nowMs);
    superseded.push({ fileName, sinceMs: since, sizeBytes });
  }
  const removable = new Set(chooseRemovable(superseded, rules, nowMs).map(({ fileName }) => fileName));
  for (const { name, files } of former) {
    const isWhole = files?.every((file) => isThere.has(file) && !removable.has(file)) === true;
    if (!isWhole) removable.add(name);
  }
  await removeAll(directory, [...removable]);
  return superseded.filter(({ fileName }) => !removable.has(fileName));
}

/** True for a file that no repomd.xml of today names, by its name alone. */
function isFormer(name: string): boolean {
  return isChecksumNamed(name) || isSimplyNamed(name);
}

interface StoredGeneration {
  readonly name: string;
  /** The newest generation, and the one that clients are led to: after a crash these are two. */
  readonly isCurrent: boolean;
  /** Undefined when it cannot be read. */
  readonly files: readonly string[] | undefined;
}

async function readGenerations(repositoryDir: string): Promise<readonly StoredGeneration[]> {
  const numbers = await listGenerations(repositoryDir);
  const kept = [numbers.at(-1), await readMirrorlistGeneration(repositoryDir)];
  const generations: StoredGeneration[] = [];
  for (const number of numbers) {
    const files = await filesOfGeneration(repositoryDir, number);
    generations.push({ name: generationName(number), isCurrent: kept.includes(number), files });
  }
  return generations;
}

/** Generations first, and durably: a crash must not leave one without its files. */
async function removeAll(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names.filter(isGeneration)) await rm(join(directory, name), { recursive: true });
  if (names.some(isGeneration)) await syncDirectory(directory);
  for (const name of names.filter((one) => !isGeneration(one))) {
    await rm(join(directory, name), { force: true });
  }
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

function isGeneration(name: string): boolean {
  return generationNumber(name) !== undefined;
}

/** Of a file, or of the files of a generation. */
async function readSize(path: string): Promise<number> {
  const stats = await stat(path);
  if (!stats.isDirectory()) return stats.size;
  const sizes = (await readdir(path)).map(async (name) => (await stat(join(path, name))).size);
  return (await Promise.all(sizes)).reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}
