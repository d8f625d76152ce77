import type { PackageWarning } from '../api/package-warning.ts';
import type { RepomdTags } from '../rpm/repodata/repomd-tags.ts';
import type { SurveyedIndexes } from './adopt/survey-indexes.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** A package that would be accepted, as little of it as the plan needs: there may be hundreds of thousands. */
export interface SurveyedPackage {
  /** Below the surveyed directory. */
  readonly path: string;
  /** Absolute, where it is a symbolic link that was followed. */
  readonly realPath?: string;
  /** See identifySource() in survey-packages.ts: tells later whether it is still this file. */
  readonly identity: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly nevra: string;
  readonly isNoarch: boolean;
  /** Said explicitly; undefined when the release tag decides. */
  readonly releasever: string | undefined;
  /** The basearch it is left in, when its arch says another one or more of them. */
  readonly keptIn: string | undefined;
  /** What the release tag names, when the package goes elsewhere. */
  readonly taggedReleasever: string | undefined;
  /** Where it goes. */
  readonly repositories: readonly RepositoryName[];
  /** `Packages/<file name>`. */
  readonly location: string;
  /** The repository that its directory names, when it names one. */
  readonly laidIn: RepositoryName | undefined;
  /** Below our own top directory. */
  readonly isInTree: boolean;
  /** At the very path that it goes to. */
  readonly isInPlace: boolean;
  /** Whether it can get a second name in our tree; otherwise it is copied. */
  readonly isLinkable: boolean;
  /** The warnings that the answer to its upload would have. */
  readonly warnings: readonly PackageWarning[];
}

/** Metadata that is not derived from packages: comps, updateinfo, modules, ... */
export interface FoundMetadata {
  /** The directory that holds its `repodata`, below the surveyed one; `''` for that itself. */
  readonly directory: string;
  readonly type: string;
  readonly path: string;
  readonly identity: string;
  readonly sizeBytes: number;
  /** Of its uncompressed content. */
  readonly openSha256: string;
}

/** The tags in the repomd.xml of a directory. */
export interface FoundTags {
  readonly directory: string;
  readonly tags: RepomdTags;
}

/** A file that is not taken, with the reason. */
export interface RefusedFile {
  /** Below the surveyed directory. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** The content of a directory: each `.rpm` file is among the packages or the refusals, once. */
export interface Survey {
  /** Absolute, without symbolic links in it. */
  readonly root: string;
  readonly packages: readonly SurveyedPackage[];
  readonly metadata: readonly FoundMetadata[];
  /** The directories that hold a `repodata`, below the surveyed one. */
  readonly indexed: readonly string[];
  readonly refusals: readonly RefusedFile[];
  /** Symbolic links that were not followed. */
  readonly links: readonly string[];
  /** Packages that its indexes name and that are not taken. */
  readonly missing: SurveyedIndexes['missing'];
  /** Packages that are taken and that the index of their directory does not name. */
  readonly unnamed: SurveyedIndexes['unnamed'];
  readonly deltas: readonly string[];
  /** Metadata that is made anew or of no use, by type. */
  readonly leftOutTypes: readonly string[];
  readonly tags: readonly FoundTags[];
  readonly hiddenCount: number;
  readonly otherCount: number;
}
