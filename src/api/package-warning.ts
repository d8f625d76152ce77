import type { ErrorCode } from '../errors.ts';

/** A fault of a package that the service takes all the same. */
export interface PackageWarning {
  /** docs/errors.md explains it. */
  readonly code: ErrorCode;
  /** rpm's name of the tag that it is about. */
  readonly tag?: string;
  readonly text: string;
}
