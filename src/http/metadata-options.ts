import type { Condition, KeptMetadata } from '../indexing/repository-commands.ts';
import type { FoundForeign } from '../indexing/find-foreign.ts';
import type { KeptChange } from '../indexing/kept-changes.ts';
import type { BodyRoom } from '../intake/body-room.ts';
import type { Requester } from '../trust/requester.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

/** What the routes of metadata need from the rest of the service. */
export interface MetadataOptions {
  readonly spoolDir: string;
  readonly incomingDir: string;
  readonly room: BodyRoom;
  /**
   * Called before the body is received.
   * @throws AppError NOT_FOUND, PARAMETER_INVALID, QUOTA_REACHED; what the condition throws.
   */
  readonly checkTarget: (repository: RepositoryName, type: string, condition?: Condition) => Promise<void>;
  /**
   * Checks the file when its turn has come, keeps it for the next run of the repository, and requests that run.
   * @throws AppError METADATA_INVALID, QUOTA_REACHED, STORAGE_FULL; the signal's reason; what the condition throws.
   */
  readonly putMetadata: (
    repository: RepositoryName,
    type: string,
    put: {
      readonly path: string;
      readonly requester: Requester;
      readonly signal: AbortSignal;
      readonly condition: Condition | undefined;
    },
  ) => Promise<KeptMetadata>;
  /** @throws AppError NOT_FOUND, PARAMETER_INVALID; what the condition throws. */
  readonly removeMetadata: (
    repository: RepositoryName,
    type: string,
    condition: Condition | undefined,
  ) => Promise<KeptChange>;
  /** @throws AppError NOT_FOUND, PARAMETER_INVALID. */
  readonly findMetadata: (repository: RepositoryName, type: string) => Promise<FoundForeign>;
  /** @throws AppError NOT_FOUND. */
  readonly listMetadata: (repository: RepositoryName) => Promise<readonly FoundForeign[]>;
  /** The uncompressed bytes of a metadata file. */
  readonly openContent: (path: string) => AsyncGenerator<Uint8Array>;
  readonly whenPublished: (repository: RepositoryName, waitMs: number) => Promise<'published' | 'pending'>;
  readonly removeIncoming: (path: string) => void;
}
