import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { digestOfContent } from '../base/unpack/digest-of-content.ts';
import { foreignTypeOf } from '../rpm/foreign-types.ts';
import type { ForeignMetadata } from './foreign-metadata.ts';
import type { Publications } from '../storage/publications.ts';
import type { RepomdData } from '../rpm/repodata/repomd.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** Metadata of one type as a repository has it, or will have it after the next run. */
export interface FoundForeign {
  readonly type: string;
  /** Of its uncompressed content. */
  readonly openSha256: string;
  readonly path: string;
  readonly state: 'published' | 'waiting';
}

/** Finds metadata that is not derived from packages: what waits comes before what is public. */
export interface ForeignFinder {
  readonly find: (repository: RepositoryName, type: string) => Promise<FoundForeign | undefined>;
  /** Metadata by type. */
  readonly list: (repository: RepositoryName) => Promise<readonly FoundForeign[]>;
}

const MAX_DIGESTS = 1000;

export function createForeignFinder(
  publications: Pick<Publications, 'workspace' | 'current'>,
  foreign: Pick<ForeignMetadata, 'waitingOf' | 'waitingTypes'>,
): ForeignFinder {
  /** By checksum: content whose digest repomd.xml does not say is read once. */
  const digests = new Map<string, string>();

  return {
    find: async (repository, type) => findType(repository, type),
    list: async (repository) => {
      // Waiting metadata is read first: a run may publish it meanwhile.
      const waiting = foreign.waitingTypes(repository);
      const published = await publishedOf(repository);
      const types = new Set([...waiting, ...published.flatMap((data) => foreignTypeOf(data.type) ?? [])]);
      const found: FoundForeign[] = [];
      for (const type of [...types].toSorted()) {
        const one = await findType(repository, type);
        if (one !== undefined) found.push(one);
      }
      return found;
    },
  };

  async function findType(repository: RepositoryName, type: string): Promise<FoundForeign | undefined> {
    const waiting = await foreign.waitingOf(repository, type);
    if (waiting?.kind === 'removal') return undefined;
    if (waiting !== undefined) {
      return { type, openSha256: waiting.openSha256, path: waiting.path, state: 'waiting' };
    }
    const forms = (await publishedOf(repository)).filter((data) => foreignTypeOf(data.type) === type);
    const data = forms.find((one) => one.type === type) ?? forms[0];
    if (data === undefined) return undefined;
    const path = join(await publications.workspace(repository), data.href);
    const openSha256 = await findDigest(data, path);
    return openSha256 === undefined ? undefined : { type, openSha256, path, state: 'published' };
  }

  async function publishedOf(repository: RepositoryName): Promise<readonly RepomdData[]> {
    return (await publications.current(repository))?.data ?? [];
  }

  /** Undefined for a file that is gone or damaged: then there is none. */
  async function findDigest(
    { checksum, openChecksum }: RepomdData,
    path: string,
  ): Promise<string | undefined> {
    if (!existsSync(path)) return undefined;
    if (openChecksum?.type === 'sha256') return openChecksum.hex;
    const known = digests.get(checksum.hex);
    if (known !== undefined) return known;
    const openSha256 = await digestOfContent(path).catch((error: unknown) => {
      if (error instanceof AppError) return undefined;
      throw error;
    });
    if (openSha256 === undefined) return undefined;
    if (digests.size >= MAX_DIGESTS) digests.clear();
    digests.set(checksum.hex, openSha256);
    return openSha256;
  }
}
