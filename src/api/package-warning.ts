import type { ErrorCode } from '../errors.ts';

/** Something about a package that is taken all the same. */
export interface PackageWarning {
  /** docs/errors.md explains it. */
  readonly code: ErrorCode;
  /** rpm's name of the tag that it is about. */
  readonly tag?: string;
  readonly text: string;
}
