import { lstatSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Config } from '../base/config/load.ts';
import { AppError } from '../errors.ts';
import { readHeader } from '../intake/read-header.ts';
import type { Repositories } from '../storage/repositories.ts';
import { scanMetadata } from '../indexing/read-metadata.ts';
import { readSoundRepomd } from '../storage/read-repomd.ts';
import { formatNvra, parseNevra } from '../rpm/nevra.ts';
import { matchesAnyGlob } from '../rpm/repository-globs.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** Where a package lies, or which index still has it. */
export interface PackagePlace {
  readonly repository: RepositoryName;
  /** Path below the repository's directory. */
  readonly location: string;
  readonly isOnDisk: boolean;
}

/**
 * Every place of a package in the tree. The indexes are read too: an earlier removal may have removed the file and not
 * reached the index.
 * @param named a NEVRA, with or without its epoch, or the name or path of a file.
 * @param globs of the repositories that are searched.
 * @throws AppError NOT_FOUND.
 */
export async function findPlaces(
  named: string,
  globs: readonly string[],
  tree: { readonly repositories: Repositories; readonly topDir: Config['topDir'] },
): Promise<readonly PackagePlace[]> {
  const name = basename(named).replace(/\.rpm$/, '');
  const nevra = parseNevra(name);
  const fileName = `${nevra === undefined ? name : formatNvra(nevra)}.rpm`;
  const { repositories, topDir } = tree;
  const chosen = (await repositories.list()).filter(matchesAnyGlob(globs));
  const places: PackagePlace[] = [];
  for (const repository of chosen) {
    const onDisk = (await repositories.listPackages(repository)).filter(isNamed);
    const inIndex = (await indexedLocations(join(topDir, repository), isNamed)).filter(
      (location) => !onDisk.includes(location),
    );
    for (const location of onDisk) demandEpoch(join(topDir, repository, location), nevra?.epoch);
    places.push(
      ...onDisk.map((location) => ({ repository, location, isOnDisk: true })),
      ...inIndex.map((location) => ({ repository, location, isOnDisk: false })),
    );
  }
  if (places.length > 0) return places;
  throw new AppError('NOT_FOUND', `no repository of ${globs.join(', ')} has a package ${fileName}`, {
    hint: 'Name it as name-version-release.arch, or as its file in Packages/ is called. "rpm -qp --nvra FILE.rpm" says what a package is called.',
  });

  function isNamed(location: string): boolean {
    return basename(location) === fileName;
  }
}

/** None for an index that cannot be read: the next run makes it anew. */
async function indexedLocations(
  repositoryDir: string,
  isWanted: (location: string) => boolean,
): Promise<readonly string[]> {
  const primary = (await readSoundRepomd(repositoryDir))?.data.find(({ type }) => type === 'primary');
  if (primary === undefined) return [];
  const found: string[] = [];
  try {
    for await (const packages of scanMetadata(join(repositoryDir, primary.href))) {
      found.push(...packages.flatMap(({ location }) => location ?? []).filter(isWanted));
    }
  } catch {
    return [];
  }
  return found;
}

/** A file name has no epoch: the file may be another package than the one that was named. */
function demandEpoch(path: string, epoch: number | undefined): void {
  if (epoch === undefined) return;
  const sizeBytes = lstatSync(path).size;
  const found = readHeader({ path, sizeBytes, mustBeAccepted: false }).epoch ?? 0;
  if (found === epoch) return;
  throw new AppError('NOT_FOUND', `${path} has the epoch ${found}, not ${epoch}`, {
    hint: 'Name it with its own epoch, or without one.',
  });
}
