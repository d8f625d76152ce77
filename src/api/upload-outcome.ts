import type { RepositoryName } from '../rpm/repository-name.ts';
import type { PackageWarning } from './package-warning.ts';
import type { SignatureVerdict } from './signature-verdict.ts';

/** Where one package of an upload is, and whether hosts can install it from there. */
export interface UploadPlace {
  readonly repository: RepositoryName;
  readonly location: string;
  readonly url: string;
  readonly state: 'staged' | 'waiting' | 'published' | 'set-aside';
  /** Why it is set aside. */
  readonly reason?: string;
  /** As the repository's keyring sees it; left out when it was not recorded. */
  readonly signature?: SignatureVerdict;
}

/** What became of an upload. */
export interface UploadOutcome {
  readonly outcome: 'created' | 'unchanged' | 'known' | 'staged';
  /** For a staged package: the batch whose commit it waits for. */
  readonly batch?: string;
  /** A POST to this URL publishes that batch. */
  readonly commitUrl?: string;
  readonly nevra: string;
  /** Digest of the stored package. */
  readonly sha256: string;
  /** Digest of the bytes that the client sent, when the service signed the package. */
  readonly receivedSha256?: string;
  readonly sizeBytes: number;
  /** Why the package is not as good as it could be; left out when there is nothing to say. */
  readonly warnings?: readonly PackageWarning[];
  readonly places: readonly UploadPlace[];
}
