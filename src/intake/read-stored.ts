import { lstatSync, statSync } from 'node:fs';
import { locateSource } from './adopt/file-of.ts';
import { identifySource } from './adopt/survey-packages.ts';
import type { FoundMetadata, SurveyedPackage, Survey } from './survey.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** The part of the survey that the tree has already. */
export interface StoredTree {
  /**
   * By `<repository>/<location>`: the digests of the packages that this file is, its own and, where packages are signed,
   * of the one it was made of. None for what is no regular file.
   */
  readonly packages: ReadonlyMap<string, readonly string[]>;
  /** By `<repository>/<type>`: sha256 of the uncompressed content that is published. */
  readonly metadata: ReadonlyMap<string, string>;
}

export interface StoredParts {
  readonly pathOf: (repository: RepositoryName, location: string) => string;
  /** Of a whole file. */
  readonly sha256Of: (path: string) => Promise<string>;
  /** True when both are the same package under other signatures; undefined where none is signed at upload. */
  readonly isSamePackage: ((path: string, storedPath: string) => Promise<boolean>) | undefined;
  /** sha256 of the uncompressed content of what is published of a type; undefined when there is none. */
  readonly publishedContentOf: (repository: RepositoryName, type: string) => Promise<string | undefined>;
}

/** Looks at what the tree has at each place that something would go to. A file that is the found one is not read again. */
export async function readStored(survey: Survey, parts: StoredParts): Promise<StoredTree> {
  const packages = new Map<string, readonly string[]>();
  for (const found of survey.packages) {
    for (const repository of found.repositories) {
      const key = `${repository}/${found.location}`;
      const digests = await digestsAt(found, parts.pathOf(repository, found.location), survey.root, parts);
      if (digests !== undefined) packages.set(key, [...new Set([...(packages.get(key) ?? []), ...digests])]);
    }
  }
  return { packages, metadata: await publishedMetadata(survey, parts) };
}

async function digestsAt(
  found: SurveyedPackage,
  path: string,
  root: string,
  { sha256Of, isSamePackage }: StoredParts,
): Promise<readonly string[] | undefined> {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  // A link itself has to be replaced by the file.
  if (stats.isSymbolicLink() && leadsTo(path, found)) return undefined;
  if (!stats.isFile()) return [];
  if (identifySource(stats) === found.identity) return [found.sha256];
  const stored = await sha256Of(path);
  const isSame = stored !== found.sha256 && (await isSamePackage?.(locateSource(root, found), path)) === true;
  return isSame ? [stored, found.sha256] : [stored];
}

function leadsTo(path: string, { identity }: SurveyedPackage): boolean {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats !== undefined && identifySource(stats) === identity;
}

async function publishedMetadata(
  { packages, metadata }: Survey,
  { publishedContentOf }: StoredParts,
): Promise<ReadonlyMap<string, string>> {
  const published = new Map<string, string>();
  if (metadata.length === 0) return published;
  const repositories = new Set(packages.flatMap((found) => found.repositories));
  for (const type of new Set(metadata.map((one: FoundMetadata) => one.type))) {
    for (const repository of repositories) {
      const content = await publishedContentOf(repository, type);
      if (content !== undefined) published.set(`${repository}/${type}`, content);
    }
  }
  return published;
}
