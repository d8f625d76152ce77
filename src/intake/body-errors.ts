import { AppError } from '../errors.ts';
import { sizeText } from '../base/text/size-text.ts';

/** A request without a body, or with an empty one. */
export function emptyBody(): AppError {
  return new AppError('EMPTY_BODY', 'the request has no body', {
    hint: 'Send the package as the body: curl -T pkg.rpm <url>.',
  });
}

/** More bytes than any body of its kind may have. */
export function tooLarge(maxUploadBytes: number): AppError {
  return new AppError('UPLOAD_TOO_LARGE', `the body is larger than ${sizeText(maxUploadBytes)}`, {
    hint: 'Send a smaller package, or raise server.max_upload_bytes (and client_max_body_size in nginx).',
  });
}

/** A piece goes past the end that was given at the beginning. */
export function longerThanSaid(lengthBytes: number): AppError {
  return new AppError('UPLOAD_TOO_LARGE', `the upload was to have ${lengthBytes} bytes, more are sent`, {
    hint: 'Begin a new upload with the length of the whole file in Upload-Length.',
  });
}
