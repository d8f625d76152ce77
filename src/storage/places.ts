import type { SignatureVerdict } from '../api/signature-verdict.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';
import type { BatchMember } from './batch-store.ts';
import type { Receipt } from './records.ts';
import type { Target } from './repository-layout.ts';

/** A package on its way into the tree. */
export interface IncomingPackage {
  /** Where the service keeps the file until it is placed. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly nevra: string;
  readonly targets: readonly Target[];
  /** Of the bytes that were sent, where they are not or will not be the stored ones. */
  readonly receivedSha256?: string | undefined;
}

/** A prepared package that is to go into the tree, and what is to be remembered of it. */
export interface FileToPlace extends IncomingPackage {
  readonly signatures: ReadonlyMap<RepositoryName, SignatureVerdict>;
}

/** The state of a target before the package is placed. */
export interface TargetState {
  readonly target: Target;
  readonly holdsPackage: boolean;
  /**
   * The package replaces the file that is there: an acknowledged file of this very package whose bytes have changed
   * since, or a symbolic link to these bytes.
   */
  readonly isReplaced: boolean;
}

/** A package, and its targets as they were looked at. The caller has had its turn at each of them since. */
export interface Placement {
  readonly file: FileToPlace;
  readonly states: readonly TargetState[];
}

/** A member of a batch on which its commit is decided; `path` leads to a file that is not kept with the batch yet. */
export type DecidedMember = BatchMember & { readonly path?: string };

/** The packages in the repositories: what a place holds, and how a package gets there. */
export interface Places {
  /**
   * Looks at each target of a package.
   * @throws AppError PACKAGE_CONFLICT when one holds other bytes, with both digests; STORAGE_FAILED when no host would see
   * what is placed there.
   */
  look(incoming: IncomingPackage): Promise<readonly TargetState[]>;
  /** Whether anything lies at a target. Cheap. */
  has(target: Target): Promise<boolean>;
  /** Whether a target holds other bytes than those that were acknowledged there. */
  isAltered(target: Target): Promise<boolean>;
  /** A file on this machine with the package that a target holds, to be read or placed elsewhere; undefined when it holds none. */
  fileAt(target: Target): Promise<string | undefined>;
  /** Makes the bytes of a new file durable, so that it may be placed. */
  prepare(path: string): Promise<void>;
  /** Makes durable what targets hold: an earlier attempt may have ended before it was. */
  confirm(targets: readonly Target[]): Promise<void>;
  /**
   * Puts packages into all of their targets, and marks the repositories. When this returns, packages, receipts and marks are
   * durable; when it throws, the caller acknowledges none of them, and may do the same again.
   * @throws AppError PACKAGE_CONFLICT, STORAGE_FAILED.
   */
  place(placements: readonly Placement[]): Promise<readonly Receipt[]>;
  /**
   * Places all members of a staged batch, or none: once it is decided they go to their targets, also after a crash. The
   * caller has the turn of the batch and of the targets, and holds the repositories.
   * @throws AppError BATCH_UNPLACED after the decision, or of a fault before it.
   */
  commit(id: string, members: readonly DecidedMember[]): Promise<void>;
  /** Places what is left of a batch whose commit was decided. The caller as before. @throws AppError BATCH_UNPLACED. */
  complete(id: string): Promise<void>;
}
