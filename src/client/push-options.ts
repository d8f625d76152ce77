import type { Exchange } from './open-connection.ts';
import type { ServiceUrls } from './service-urls.ts';
import type { RetryRules } from './push/with-retries.ts';

/** What every request of one push goes by. */
export interface PushOptions extends RetryRules {
  readonly urls: ServiceUrls;
  readonly exchange: Exchange;
  readonly releasever: string | undefined;
  /** Packages become members of this batch, which is committed at the end. */
  readonly batchId: string | undefined;
  /** The user gave it its name: others may have added packages, and another push may go on with it. */
  readonly isBatchNamed: boolean;
  /** It is over when hosts can install the packages, not when they are accepted. */
  readonly isWaitWanted: boolean;
  /** How many requests run at once. */
  readonly jobs: number;
}

/** A file that is pushed. */
export interface SourceFile {
  /** As the user named it. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** The same with its digest, in lower-case hex. */
export interface DigestedFile extends SourceFile {
  readonly sha256: string;
}
