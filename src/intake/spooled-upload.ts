import type { Requester } from '../trust/requester.ts';

/** A digest of the whole body that the client sent along. */
export interface ExpectedDigest {
  readonly algorithm: 'sha256' | 'sha512';
  /** Lower-case hex. */
  readonly hex: string;
  /** The header it came in, for error messages. */
  readonly header: string;
}

/** What a client says of an upload beside its bytes. */
export interface UploadTerms {
  /** ?releasever= or the field of a form, which counts more than the release tag; several with commas between them. */
  readonly releasever: string | undefined;
  /** ?batch= or X-Batch: the package waits for the commit of this batch. */
  readonly batch: string | undefined;
}

/** An upload's body in a file whose name only the service knows. */
export interface SpooledUpload {
  /** `<state_dir>/incoming/<uuid>`. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Computed on the way in when the body passed through this process. */
  readonly sha256: string | undefined;
  readonly expectedDigests: readonly ExpectedDigest[];
  /** The client's ?releasever=; several with commas between them. */
  readonly releasever: string | undefined;
  /** Only these, when an adopted tree has the package in no others. */
  readonly basearches?: readonly string[] | undefined;
  /** Left out: the package is placed at once. */
  readonly batch?: string | undefined;
  /** The sender. */
  readonly requester: Requester;
}
