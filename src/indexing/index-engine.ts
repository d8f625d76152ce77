import type { AppError } from '../errors.ts';
import type { PackageFaultCode } from '../api/package-fault-code.ts';
import type { PlacedStep } from '../storage/package-names.ts';
import type { LostPackage } from './found-index.ts';
import type { IndexFormatName } from './engines/incremental/index-format.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/**
 * How much of the index a run trusts. `names`: a file with a known name is the one that was indexed, except those that
 * were placed since. `files`: a file with the same inode, size and mtime is. `nothing`: every package is read again.
 */
export type Trust = 'names' | 'files' | 'nothing';

/** One engine run: describe the packages of a repository in new metadata files. */
export interface IndexJob {
  /** `<releasever>/<basearch>`. */
  readonly repository: RepositoryName;
  /** Absolute path of the repository; its published metadata may be reused. */
  readonly repositoryDir: string;
  /** An empty directory; the engine writes `repodata/` with repomd.xml and all it names into it. */
  readonly scratchDir: string;
  readonly trust: Trust;
  /** Location -> sha256 as acknowledged: of the packages placed since the last run, or of all when trust is not `names`. */
  readonly acknowledged: ReadonlyMap<string, string>;
  /** What placing packages since the last run did to their directories, in any order. */
  readonly steps: readonly PlacedStep[];
  /** Location -> identity of the packages that stay out of the index while their file is the same. */
  readonly setAside: ReadonlyMap<string, string>;
  /** Locations of packages that stay out of the index until a person asks for them. */
  readonly heldBack: ReadonlySet<string>;
  /** Location -> identity of the packages whose published description stays while their file is the same. */
  readonly kept: ReadonlyMap<string, string>;
  /** True while another program's index is public: what it names stays, what it does not name stays out. */
  readonly isFoundIndexKept: boolean;
  readonly format: IndexFormatName;
  /** Something beside the packages has to be published: the engine writes an index even if it equals the former one. */
  readonly isPublicationWanted: boolean;
}

/** How the run goes on. */
export interface IndexRun {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: IndexProgress) => void;
}

/** Packages, of those that this run has to describe. */
export interface IndexProgress {
  readonly done: number;
  readonly total: number;
}

/** A package that cannot be described, or whose description would break the index. */
export interface LeftOut {
  readonly location: string;
  /** See toIdentity(). */
  readonly identity: string;
  readonly reason: string;
}

/** A package that is not described as it lies there. */
export interface FaultyPackage extends LeftOut {
  /**
   * `PACKAGE_DAMAGED`: its bytes are not the acknowledged ones; what was published of it stays.
   * `PACKAGE_UNDESCRIBABLE`: its bytes are the published ones, which cannot be described anew; what was published of it stays.
   * `PACKAGE_HELD_BACK`: the index of another program did not name it; it stays out until a person asks for it.
   */
  readonly code: PackageFaultCode;
}

/** The checked result of an engine: it describes exactly the packages on disk except those left out. */
export interface BuiltIndex {
  /** False when the published index is right as it is, and nothing was written. */
  readonly isNew: boolean;
  readonly packageCount: number;
  /** Location -> sha256 of the packages that this run described. */
  readonly described: ReadonlyMap<string, string>;
  readonly leftOut: readonly LeftOut[];
  readonly faulty: readonly FaultyPackage[];
  /** Packages that the index of another program names, and this one does not. */
  readonly lost: readonly LostPackage[];
  /** Locations that were set aside and no longer are: another file is there, or none. */
  readonly readmitted: readonly string[];
  /** Locations that the records or the former index know and the disk no longer has. */
  readonly gone: readonly string[];
  /** Faults without harm, for the log. */
  readonly warnings: readonly string[];
}

/** Writes the metadata of a repository. */
export interface IndexEngine {
  /** True when a run that changes nothing is cheap and publishes nothing, so that it can be asked for at any time. */
  readonly isCheapWhenUnchanged: boolean;
  /** @throws AppError INDEX_FAILED, INDEX_ENGINE_MISSING. */
  build(job: IndexJob, run: IndexRun): Promise<BuiltIndex>;
  /** Why it cannot build any index now, such as a program that is not installed. */
  findFault(): Promise<AppError | undefined>;
  close(): Promise<void>;
}
