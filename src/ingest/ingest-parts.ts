import type { BatchStore } from '../batches/batch-store.ts';
import type { PackageWarning } from '../inspect/package-warning.ts';
import type { PackageFacts } from '../inspect/read-header.ts';
import type { InspectedPackage } from '../inspect/inspect-package.ts';
import type { InspectionThreads } from '../inspect/inspection-threads.ts';
import type { RepositoryLayout, RepositoryName } from '../place/repository-layout.ts';
import type { TakeTurns } from '../place/take-turns.ts';
import type { BodyRoom } from '../receive/body-room.ts';
import type { IndexReserve } from '../reindex/index-reserve.ts';
import type { AdmitRepositories } from '../reindex/repository-quota.ts';
import type { UploadStage } from '../serve/metrics.ts';
import type { SignaturesByRepository } from '../signing/check-package-signature.ts';
import type { PackageSigner } from '../signing/create-package-signer.ts';
import type { DescribeParts } from './describe-upload.ts';
import type { PlaceParts } from './place-and-record.ts';

export interface IngestParts extends PlaceParts, DescribeParts {
  readonly layout: RepositoryLayout;
  readonly inspectionThreads: InspectionThreads;
  /** Verifies a package's signature for each repository. @throws AppError when one of them refuses it. */
  readonly checkSignature: (
    inspected: InspectedPackage & { readonly path: string },
    repositories: readonly RepositoryName[],
  ) => Promise<SignaturesByRepository>;
  /** @throws AppError TEXT_NOT_XML: the engine of the index cannot describe the package. */
  readonly checkDescribable: (rpm: PackageFacts) => void;
  /** What is worth saying of a package that is taken. */
  readonly findWarnings: (
    rpm: PackageFacts,
    repositories: readonly RepositoryName[],
  ) => readonly PackageWarning[];
  /** Undefined when packages are stored as they are sent. */
  readonly signing: PackageSigner | undefined;
  readonly takeTurns: TakeTurns;
  /** Makes sure that a repository has its directory, an index and its .repo file. */
  readonly prepareRepository: (repository: RepositoryName) => Promise<void>;
  /** Asked before a repository is made. */
  readonly admitRepositories: AdmitRepositories;
  readonly demandReserve: IndexReserve['demandReserve'];
  readonly bodyRoom: BodyRoom;
  /** Measures one stage of an upload. */
  readonly timed: <T>(stage: UploadStage, task: () => Promise<T>) => Promise<T>;
}

export interface BatchParts extends IngestParts {
  readonly batches: BatchStore;
}
