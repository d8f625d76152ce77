import type { RepositoryName } from '../rpm/repository-name.ts';
import type { Repomd } from '../rpm/repodata/repomd.ts';
import type { RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import type { FormerPublications } from './former-publications.ts';

/** Signs repomd.xml. */
export interface RepomdSigner {
  /** @returns an armored detached signature. @throws AppError SIGNING_FAILED. */
  sign(content: string, signal?: AbortSignal): Promise<string>;
  /** True when this is a good signature of the content, by the key that signs now. */
  isSignedNow(content: string, signature: string): Promise<boolean>;
  /** The armored public keys that are there, the one that signs first. @throws AppError SIGNING_FAILED. */
  publicKeys(): Promise<string>;
}

/** The settings of a publication. */
export interface Publication {
  /** Of the repository, with a slash at its end. */
  readonly url: string;
  /** Undefined when nothing is signed. */
  readonly signer: RepomdSigner | undefined;
  /** Tags of the configuration; undefined: those of the engine, or else those that are public. */
  readonly tags?: RepomdTags | undefined;
  /** Foreign types that leave the repository, or come to it anew; their other forms (`group_gz`) go too. */
  readonly endedTypes?: ReadonlySet<string>;
  readonly now: () => number;
  /** The ages in an index elsewhere, whose hosts change over to this one. */
  readonly adoptedAge?: FormerPublications | undefined;
  readonly signal?: AbortSignal;
}

/** What is published with the metadata. */
export interface PublishedPackages extends Publication {
  /** Location -> sha256 of the packages that hosts can install by it. */
  readonly packages: ReadonlyMap<string, string>;
}

/** How long metadata stays that repomd.xml names no more. */
export interface KeepRules {
  readonly keepOldMs: number;
  readonly keepOldBytes: number;
}

/** The metadata that hosts read. */
export interface Publications {
  /** A directory of this machine in which an engine finds the packages and the public `repodata/` of a repository. */
  workspace(repository: RepositoryName): Promise<string>;
  /** Gives a new empty directory to the work, on the mount of the workspaces, and removes it afterwards. */
  inScratch<T>(work: (scratchDir: string) => Promise<T>): Promise<T>;
  /**
   * Makes the metadata in `<scratchDir>/repodata` public as a new generation, and notes of its packages that they are
   * published. Hosts see the former metadata or the new, whole; when it throws, the former stays or the new is public.
   * @returns the repomd.xml that is public now.
   * @throws AppError SIGNING_FAILED before anything is changed; STORAGE_FAILED.
   */
  publish(repository: RepositoryName, scratchDir: string, publication: PublishedPackages): Promise<Repomd>;
  /** The repomd.xml that is public; undefined where there is none, or a damaged one. */
  current(repository: RepositoryName): Promise<Repomd | undefined>;
  /** Whether what is public is what publish() leaves, under the configuration of today. */
  isWhole(
    repository: RepositoryName,
    publication: Pick<Publication, 'url' | 'signer' | 'tags'>,
  ): Promise<boolean>;
  /** Removes metadata and generations that are superseded for long enough; not while publish() is under way. */
  tidy(repository: RepositoryName, rules: KeepRules): Promise<void>;
}
