import { join } from 'node:path';
import { PackageScanner, type ScannedPackage } from '../rpm/repodata/package-scanner.ts';
import type { Repomd } from '../rpm/repodata/repomd.ts';
import { openMetadata } from '../base/unpack/open-metadata.ts';
import { readSoundRepomd } from '../storage/read-repomd.ts';
import type { PublishedIndex } from './repository-schedule.ts';

// The count is in the opening tag, which is far shorter than this, even with every known namespace.
const OPENING_BYTES = 16 * 1024;

/** Every package of a primary, filelists or other file, in groups as they are read. */
export async function* scanMetadata(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<readonly ScannedPackage[]> {
  const scanner = new PackageScanner();
  for await (const piece of openMetadata(path, signal)) yield scanner.push(piece);
}

/** The metadata files that a repository's repomd.xml names; undefined when there is none that can be read. */
export async function readPublishedIndex(repositoryDir: string): Promise<PublishedIndex | undefined> {
  const repomd = await readSoundRepomd(repositoryDir);
  const primary = repomd?.data.find(({ type }) => type === 'primary');
  if (repomd === undefined || primary === undefined) return undefined;
  const packageCount = await readPackageCount(join(repositoryDir, primary.href));
  return toPublishedIndex(packageCount, repomd);
}

export function toPublishedIndex(packageCount: number, repomd: Repomd | undefined): PublishedIndex {
  const data = repomd?.data ?? [];
  const indexBytes = data.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
  return { packageCount, revision: repomd?.revision ?? '', indexBytes };
}

/** Location -> sha256 of every package in a repository's public primary; empty when there is none that can be read. */
export async function readPublicPackages(repositoryDir: string): Promise<ReadonlyMap<string, string>> {
  const packages = new Map<string, string>();
  const primary = (await readSoundRepomd(repositoryDir))?.data.find(({ type }) => type === 'primary');
  if (primary === undefined) return packages;
  try {
    for await (const group of scanMetadata(join(repositoryDir, primary.href))) {
      for (const { location, pkgid } of group) if (location !== undefined) packages.set(location, pkgid);
    }
  } catch {
    // A damaged file tells nothing about the engine.
  }
  return packages;
}

/** The count in the opening tag; 0 for a file that is damaged or not there. */
async function readPackageCount(path: string): Promise<number> {
  let opening = '';
  try {
    for await (const piece of openMetadata(path)) {
      opening += Buffer.from(piece).toString('latin1', 0, OPENING_BYTES);
      const count = /packages="(?<count>\d+)"/.exec(opening)?.groups?.['count'];
      if (count !== undefined) return Number(count);
      if (opening.length >= OPENING_BYTES) break;
    }
  } catch {
    // The next run replaces it.
  }
  return 0;
}
