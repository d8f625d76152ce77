import type { ExpectedDigest, UploadTerms } from './spooled-upload.ts';

/** What was said when an upload in pieces began. */
export interface ResumableFacts {
  readonly lengthBytes: number;
  readonly terms: UploadTerms;
  /** Of the whole. */
  readonly expectedDigests: readonly ExpectedDigest[];
  /** Only the owner may go on with it, or hear that it exists. */
  readonly owner: string;
}
