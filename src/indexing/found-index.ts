import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { AppError } from '../errors.ts';
import { identityAt } from '../base/files/file-identity.ts';
import type { ScannedPackage } from '../rpm/repodata/package-scanner.ts';
import type { FaultyPackage, IndexJob } from './index-engine.ts';
import { scanMetadata } from './read-metadata.ts';
import { readSoundRepomd } from '../storage/read-repomd.ts';
import { scanPublished } from './rebuild/scan-published.ts';
import { toNevraKey } from '../rpm/nevra.ts';

/** A package in an index that another program made. */
export interface FoundPackage {
  /** Path below the repository's directory, without `.` in it; it may begin with `../`. */
  readonly location: string;
  readonly pkgid: string;
  /** `<name>-<epoch>:<version>-<release>.<arch>`, as primary writes them. */
  /** See toNevraKey(). */
  readonly nevraKey: string;
  /** Where hosts load it from, when that is not the repository. */
  readonly base: string | undefined;
}

/** By location. */
export type FoundIndex = ReadonlyMap<string, FoundPackage>;

/** A package that hosts would miss. */
export interface LostPackage {
  readonly location: string;
  /** Why the new index does not have it. */
  readonly reason: string;
}

/**
 * The packages of the index that lies in a repository; none when it is damaged, for hosts cannot read it either.
 * @throws AppError INDEX_ENGINE_MISSING when a program is missing that unpacks it.
 */
export async function readFoundIndex(repositoryDir: string): Promise<FoundIndex> {
  const found = new Map<string, FoundPackage>();
  const published = await readSoundRepomd(repositoryDir);
  if (published === undefined) return found;
  try {
    for await (const packages of scanPublished('primary', { repositoryDir, published })) {
      for (const scanned of packages) {
        const one = describeFound(scanned);
        if (one !== undefined) found.set(one.location, one);
      }
    }
  } catch (error) {
    if (error instanceof AppError && error.code === 'INDEX_ENGINE_MISSING') throw error;
    return new Map();
  }
  return found;
}

/**
 * The packages on disk that a found index does not name, except those that were uploaded here. createrepo_c may have
 * been told to leave them out, so the service must not publish them unasked.
 */
export function findUnnamed(
  locations: readonly string[],
  found: FoundIndex,
  { repositoryDir, acknowledged }: Pick<IndexJob, 'repositoryDir' | 'acknowledged'>,
): readonly FaultyPackage[] {
  // An index that names no package says of none that it should be left out.
  if (found.size === 0) return [];
  return locations.flatMap((location): readonly FaultyPackage[] => {
    if (found.has(location) || acknowledged.has(location)) return [];
    const identity = identityAt(join(repositoryDir, location)) ?? '';
    const reason = 'the index that was found here, made by another program, does not name it';
    return [{ location, identity, reason, code: 'PACKAGE_HELD_BACK' }];
  });
}

/**
 * The packages of a found index that hosts would miss in a new one: neither their file's name nor their bytes nor their
 * NEVRA is in it.
 * @param built the location and the sha256 of each package of the new index.
 * @param primaryPath of the new index.
 */
export async function findLost(
  found: FoundIndex,
  built: ReadonlyMap<string, string>,
  { repositoryDir, primaryPath }: { readonly repositoryDir: string; readonly primaryPath: string },
): Promise<readonly LostPackage[]> {
  const pkgids = new Set(built.values());
  const missing = [...found.values()].filter(
    ({ location, pkgid }) => !built.has(location) && !pkgids.has(pkgid),
  );
  if (missing.length === 0) return [];
  const nevraKeys = new Set<string>();
  for await (const packages of scanMetadata(primaryPath)) {
    for (const { element } of packages) nevraKeys.add(readNevraKey(element));
  }
  return missing
    .filter(({ nevraKey }) => !nevraKeys.has(nevraKey))
    .map((one) => ({ location: one.location, reason: explainLoss(one, repositoryDir) }));
}

/** Why a run does not take the file that an index names. */
export function explainLoss(
  { location, base }: Pick<FoundPackage, 'location' | 'base'>,
  repositoryDir: string,
): string {
  if (base !== undefined) return `hosts load it from ${base}`;
  if (location.startsWith('../') || location.startsWith('/')) return 'it lies outside of the repository';
  const link = firstLink(repositoryDir, location);
  if (link !== undefined) {
    const target = readlinkSync(join(repositoryDir, link));
    return link === location
      ? `it is a symbolic link to ${target}`
      : `it lies behind ${link}, a symbolic link to ${target}`;
  }
  const stats = lstatSync(join(repositoryDir, location), { throwIfNoEntry: false });
  if (stats === undefined) return 'there is no such file';
  return stats.isFile()
    ? 'it cannot be described, or its name is none of a package'
    : 'it is no regular file';
}

/** The topmost part of a location that is a symbolic link. */
function firstLink(repositoryDir: string, location: string): string | undefined {
  const above = dirname(location);
  const link = above === '.' ? undefined : firstLink(repositoryDir, above);
  if (link !== undefined) return link;
  const stats = lstatSync(join(repositoryDir, location), { throwIfNoEntry: false });
  return stats?.isSymbolicLink() === true ? location : undefined;
}

/** Undefined for a package without a location, which no host can load. */
function describeFound({ pkgid, location, element }: ScannedPackage): FoundPackage | undefined {
  if (location === undefined) return undefined;
  const base = /<location [^<>]*?xml:base="(?<base>[^"]*)"/.exec(decodeText(element))?.groups?.['base'];
  return { location: normalize(location), pkgid, nevraKey: readNevraKey(element), base };
}

/** Source of the elements: createrepo_c, src/xml_dump_primary.c. */
function readNevraKey(element: Uint8Array): string {
  const text = decodeText(element);
  const name = /<name>(?<value>[^<]*)</.exec(text)?.groups?.['value'] ?? '';
  const arch = /<arch>(?<value>[^<]*)</.exec(text)?.groups?.['value'] ?? '';
  const version = /<version [^<>]*>/.exec(text)?.[0] ?? '';
  const [epoch, ver = '', release = ''] = ['epoch', 'ver', 'rel'].map(
    (field) => new RegExp(` ${field}="([^"]*)"`).exec(version)?.[1],
  );
  return toNevraKey({ name, epoch: Number(epoch ?? 0), version: ver, release, arch });
}

function decodeText(element: Uint8Array): string {
  return Buffer.from(element.buffer, element.byteOffset, element.byteLength).toString('latin1');
}
