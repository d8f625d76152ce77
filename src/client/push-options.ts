import type { Exchange } from './open-connection.ts';
import type { ServiceUrls } from './service-urls.ts';
import type { RetryRules } from './push/with-retries.ts';

/** The settings of every request of one push. */
export interface PushOptions {
  readonly urls: ServiceUrls;
  readonly exchange: Exchange;
  readonly terms: PushTerms;
  /** The push ends when hosts can install the packages, not when the service has accepted them. */
  readonly isWaitWanted: boolean;
  /** How many requests run at once. */
  readonly jobs: number;
  readonly retry: RetryRules;
}

/** Where the packages of a push go. */
export interface PushTerms {
  readonly releasever: string | undefined;
  /** Packages become members of this batch, which is committed at the end. */
  readonly batchId: string | undefined;
  /** The user named the batch: other clients may have added packages, and another push may go on with it. */
  readonly isBatchNamed: boolean;
}

/** A file that is pushed. */
export interface SourceFile {
  /** The path as the user wrote it. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** A file with its digest, in lower-case hex. */
export interface DigestedFile extends SourceFile {
  readonly sha256: string;
}
