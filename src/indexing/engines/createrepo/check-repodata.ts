import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_METADATA_TYPES } from '../../../rpm/repodata/metadata-envelope.ts';
import type { RepomdData } from '../../../rpm/repodata/repomd.ts';
import { findExpressionProblem } from '../../../rpm/rpm-parser/dependency-defect.ts';
import { scanMetadata } from '../../read-metadata.ts';
import { readRepomd } from '../../../storage/read-repomd.ts';
import { wrongMetadata } from '../../wrong-metadata.ts';

/** New metadata, compared with the packages. */
export interface RepodataCheck {
  readonly primaryPath: string;
  /** Location -> sha256 of every package in it. */
  readonly indexed: ReadonlyMap<string, string>;
  /** Packages that should be in it and are not. */
  readonly missing: readonly string[];
  /**
   * Packages that no XML reader takes, or whose dependencies no host takes: they would break the repository for all
   * hosts.
   */
  readonly unreadable: readonly string[];
  /** Packages with another digest than the acknowledged one. */
  readonly changed: readonly string[];
}

/**
 * Compares new metadata with the packages that belong into it, before any host sees it. An engine's exit status says
 * little: createrepo_c drops packages and writes ill-formed XML with exit status 0.
 * @param acknowledged location -> sha256 where it is known.
 * @throws AppError INDEX_FAILED when the files contradict each other or describe packages that they should not.
 */
export async function checkRepodata(options: {
  readonly scratchDir: string;
  readonly locations: readonly string[];
  readonly acknowledged: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}): Promise<RepodataCheck> {
  const { scratchDir, locations, acknowledged, signal } = options;
  const [primary, filelists, other] = await metadataPaths(scratchDir);
  const indexed = new Map<string, string>();
  const unreadablePkgids = new Set<string>();

  for await (const packages of scanMetadata(primary, signal)) {
    for (const { pkgid, location, isReadable, element } of packages) {
      if (location === undefined) throw wrongMetadata('primary names a package without its location');
      if (indexed.has(location)) throw wrongMetadata(`primary names ${location} twice`);
      indexed.set(location, pkgid);
      if (!isReadable || hasUnreadableDependency(element)) unreadablePkgids.add(pkgid);
    }
  }
  const pkgids = countEach(indexed.values());
  for (const path of [filelists, other]) {
    const found = new Map<string, number>();
    for await (const packages of scanMetadata(path, signal)) {
      for (const { pkgid, isReadable } of packages) {
        found.set(pkgid, (found.get(pkgid) ?? 0) + 1);
        if (!isReadable) unreadablePkgids.add(pkgid);
      }
    }
    if (!isEqual(found, pkgids)) throw wrongMetadata('primary, filelists and other hold different packages');
  }
  const expected = new Set(locations);
  for (const location of indexed.keys()) {
    if (!expected.has(location)) throw wrongMetadata(`it describes ${location}, which was not asked for`);
  }
  return {
    primaryPath: primary,
    indexed,
    missing: locations.filter((location) => !indexed.has(location)),
    unreadable: locations.filter((location) => unreadablePkgids.has(indexed.get(location) ?? '')),
    changed: locations.filter((location) => isChanged(indexed.get(location), acknowledged.get(location))),
  };
}

/** createrepo_c writes neither a parenthesis nor a space as a reference. */
function hasUnreadableDependency(element: Uint8Array): boolean {
  const text = Buffer.from(element.buffer, element.byteOffset, element.byteLength).toString('latin1');
  for (const [, expression = ''] of text.matchAll(/ name="(\([^"]*)"/g)) {
    if (findExpressionProblem(expression) !== undefined) return true;
  }
  return false;
}

async function metadataPaths(scratchDir: string): Promise<readonly [string, string, string]> {
  const read = await readRepomd(scratchDir);
  const [primary, filelists, other] = PACKAGE_METADATA_TYPES.map((type) =>
    read?.repomd.data.find((data) => data.type === type),
  );
  if (primary === undefined || filelists === undefined || other === undefined) {
    throw wrongMetadata('it lacks repomd.xml, primary, filelists or other');
  }
  const pathOf = ({ type, href }: RepomdData): string => {
    const path = join(scratchDir, href);
    if (!existsSync(path)) throw wrongMetadata(`repomd.xml names a ${type} that is not there`);
    return path;
  };
  return [pathOf(primary), pathOf(filelists), pathOf(other)];
}

function countEach(pkgids: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const pkgid of pkgids) counts.set(pkgid, (counts.get(pkgid) ?? 0) + 1);
  return counts;
}

function isEqual(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([pkgid, count]) => b.get(pkgid) === count);
}

function isChanged(indexed: string | undefined, acknowledged: string | undefined): boolean {
  return indexed !== undefined && acknowledged !== undefined && indexed !== acknowledged;
}
