import { mergeTags, type RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import type { PlannedPackage } from './plan-adoption.ts';
import type { StoredTree } from './read-stored.ts';
import type { FoundMetadata, Survey } from './survey.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** Metadata for one repository. */
export interface PlannedMetadata {
  readonly repository: RepositoryName;
  readonly type: string;
  readonly source: FoundMetadata;
  /** False when the repository publishes this very content already. */
  readonly isMissing: boolean;
}

/** Different metadata of one type for one repository: none of it is taken. */
export interface MetadataConflict {
  readonly repository: RepositoryName;
  readonly type: string;
  /** True when the repository itself publishes another content of this type. */
  readonly isStored: boolean;
  readonly paths: readonly string[];
}

export interface MetadataPlan {
  readonly planned: readonly PlannedMetadata[];
  readonly conflicts: readonly MetadataConflict[];
  /** Files of directories none of whose packages goes anywhere. */
  readonly withoutRepository: readonly string[];
  /** Tags for the repomd.xml of a repository, beside its own. */
  readonly tags: readonly PlannedTags[];
}

export interface PlannedTags {
  readonly repository: RepositoryName;
  readonly tags: RepomdTags;
}

/** Decides which repositories get the metadata that is not derived from packages. */
export function planMetadata(
  { metadata, indexed, tags }: Pick<Survey, 'metadata' | 'indexed' | 'tags'>,
  packages: readonly PlannedPackage[],
  stored: StoredTree,
): MetadataPlan {
  const repositoriesOf = findRepositories(
    new Set([...metadata, ...tags].map(({ directory }) => directory)),
    new Set(indexed),
    packages,
  );
  const wanted = metadata.flatMap((source) =>
    (repositoriesOf.get(source.directory) ?? []).map((repository) => ({
      repository,
      type: source.type,
      source,
    })),
  );
  const planned: PlannedMetadata[] = [];
  const conflicts: MetadataConflict[] = [];
  for (const [key, claims] of Map.groupBy(wanted, ({ repository, type }) => `${repository}/${type}`)) {
    const [first] = claims;
    if (first === undefined) continue;
    const published = stored.metadata.get(key);
    const contents = new Set(claims.map(({ source }) => source.openSha256));
    const isStored = published !== undefined && claims.some(({ source }) => source.openSha256 !== published);
    if (contents.size > 1 || isStored) {
      const { repository, type } = first;
      conflicts.push({ repository, type, isStored, paths: claims.map(({ source }) => source.path) });
    } else {
      planned.push({ ...first, isMissing: published === undefined });
    }
  }
  const withoutRepository = metadata
    .filter(({ directory }) => (repositoriesOf.get(directory) ?? []).length === 0)
    .map(({ path }) => path);
  const tagsOf = Map.groupBy(
    tags.flatMap((found) =>
      (repositoriesOf.get(found.directory) ?? []).map((repository) => ({ repository, tags: found.tags })),
    ),
    ({ repository }) => repository,
  );
  const plannedTags = [...tagsOf].map(([repository, found]) => ({
    repository,
    tags: mergeTags(found.map((one) => one.tags)),
  }));
  return { planned, conflicts, withoutRepository, tags: plannedTags };
}

/**
 * Of each of these directories the repositories that its packages go to. Where its name is one of them, only that one:
 * noarch packages go to every basearch, and each basearch has metadata of its own. Else those of packages that have
 * an architecture, for the same reason, if there are any.
 */
function findRepositories(
  wanted: ReadonlySet<string>,
  indexed: ReadonlySet<string>,
  packages: readonly PlannedPackage[],
): ReadonlyMap<string, readonly RepositoryName[]> {
  const laidIn = new Map<string, Set<RepositoryName | undefined>>();
  const ofArch = new Map<string, Set<RepositoryName>>();
  const ofAny = new Map<string, Set<RepositoryName>>();
  for (const { repositories, sources } of packages) {
    for (const source of sources) {
      const directory = nearest(source.path, indexed);
      if (directory === undefined || !wanted.has(directory)) continue;
      addTo(laidIn, directory, source.laidIn);
      for (const repository of repositories) {
        if (!source.isNoarch) addTo(ofArch, directory, repository);
        addTo(ofAny, directory, repository);
      }
    }
  }
  return new Map(
    [...ofAny].map(([directory, ofAll]) => {
      const [own, ...others] = laidIn.get(directory) ?? [];
      if (own !== undefined && others.length === 0 && ofAll.has(own)) return [directory, [own]];
      return [directory, [...(ofArch.get(directory) ?? ofAll)].toSorted()];
    }),
  );
}

/** The directory whose `repodata` describes a file: the nearest one above it. */
function nearest(path: string, indexed: ReadonlySet<string>): string | undefined {
  for (let directory = path; directory !== ''; ) {
    directory = directory.includes('/') ? directory.slice(0, directory.lastIndexOf('/')) : '';
    if (indexed.has(directory)) return directory;
  }
  return undefined;
}

function addTo<T>(map: Map<string, Set<T>>, key: string, value: T): void {
  const values = map.get(key) ?? new Set<T>();
  values.add(value);
  map.set(key, values);
}
