import type { UploadOutcome } from '../api/upload-outcome.ts';
import type { RepositoryStatus } from '../indexing/repository-schedule.ts';
import type { ReindexRequest } from '../indexing/repository-commands.ts';
import type { PackageFault, Receipt, SetAside } from '../storage/records.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** What the routes of repositories and of uploads that were taken need from the rest of the service. */
export interface RepositoryOptions {
  readonly listStatus: () => readonly RepositoryStatus[];
  /** Undefined for a repository that does not exist. */
  readonly statusOf: (repository: RepositoryName) => RepositoryStatus | undefined;
  readonly listSetAside: (repository: RepositoryName) => Promise<readonly SetAside[]>;
  readonly listPackageFaults: (repository: RepositoryName) => Promise<readonly PackageFault[]>;
  /** The next packages that were uploaded to a repository, behind a location; none at the end. */
  readonly receiptsAfter: (repository: RepositoryName, location: string) => Promise<readonly Receipt[]>;
  /**
   * Requests a run now, durably, which tries the packages again that are set aside; also for a directory that was made
   * by hand since the start.
   * @throws AppError NOT_FOUND.
   */
  readonly reindexNow: (repository: RepositoryName, request: ReindexRequest) => Promise<void>;
  readonly whenPublished: (repository: RepositoryName, waitMs: number) => Promise<'published' | 'pending'>;
  readonly endQuietTime: (repositories: readonly RepositoryName[]) => void;
  /** In the repositories that `mayRead` takes. */
  readonly describeUpload: (
    sha256: string,
    mayRead: (repository: RepositoryName) => boolean,
  ) => Promise<UploadOutcome | undefined>;
  readonly waitUntilInstallable: (
    outcome: UploadOutcome,
    waitMs: number,
  ) => Promise<UploadOutcome | 'pending'>;
}
