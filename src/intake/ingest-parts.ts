import type { RepositoryName } from '../rpm/repository-name.ts';
import type { BatchStore } from '../storage/batch-store.ts';
import type { PackageWarning } from '../api/package-warning.ts';
import type { PackageFacts } from './read-header.ts';
import type { InspectedPackage } from './inspect-package.ts';
import type { InspectionThreads } from './inspection-threads.ts';
import type { Places } from '../storage/places.ts';
import type { RepositoryLayout } from '../storage/repository-layout.ts';
import type { TakeTurns } from '../base/turns/take-turns.ts';
import type { BodyRoom } from './body-room.ts';
import type { SignaturesByRepository } from '../trust/check-package-signature.ts';
import type { PackageSigner } from '../trust/create-package-signer.ts';
import type { DescribeParts } from './describe-upload.ts';
import type { UploadStage } from './upload-stage.ts';

export interface IngestParts extends DescribeParts {
  readonly layout: Pick<RepositoryLayout, 'targetsOf'>;
  readonly places: Places;
  readonly inspectionThreads: InspectionThreads;
  /** Verifies a package's signature for each repository. @throws AppError when one of them refuses it. */
  readonly checkSignature: (
    inspected: InspectedPackage & { readonly path: string },
    repositories: readonly RepositoryName[],
  ) => Promise<SignaturesByRepository>;
  /** @throws AppError TEXT_NOT_XML: the engine of the index cannot describe the package. */
  readonly checkDescribable: (rpm: PackageFacts) => void;
  /** The warnings about an accepted package. */
  readonly findWarnings: (
    rpm: PackageFacts,
    repositories: readonly RepositoryName[],
  ) => readonly PackageWarning[];
  /** Undefined when packages are stored as clients send them. */
  readonly signing: PackageSigner | undefined;
  readonly takeTurns: TakeTurns;
  /** Makes sure that a repository has its directory, an index and its .repo file. */
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
  /**
   * Called before a repository is made.
   * @throws AppError QUOTA_REACHED.
   */
  readonly admitRepositories: (repositories: readonly RepositoryName[], owner: string) => Promise<void>;
  /** @throws AppError STORAGE_FULL: the disk has no room for the next index of these repositories. */
  readonly demandReserve: (repositories: readonly RepositoryName[]) => void;
  readonly bodyRoom: BodyRoom;
  /** Measures one stage of an upload. */
  readonly timed: <T>(stage: UploadStage, task: () => Promise<T>) => Promise<T>;
}

export interface BatchParts extends IngestParts {
  readonly batches: BatchStore;
  readonly now: () => number;
}
