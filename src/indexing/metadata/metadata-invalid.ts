import { AppError } from '../../errors.ts';

/** METADATA_INVALID. @param reason goes to the client: it names no path of this machine. */
export function metadataInvalid(reason: string, cause?: unknown): AppError {
  return new AppError('METADATA_INVALID', `the metadata cannot be used: ${reason}`, {
    hint: 'Send UTF-8 text that dnf and zypper can read, plain or compressed; docs/errors.md says what is compared.',
    cause,
  });
}
