import { AppError } from '../errors.ts';

/** The answer to a request that comes when the service is being stopped. */
export function shuttingDown(): AppError {
  return new AppError('SHUTTING_DOWN', 'the service is being stopped', {
    hint: 'Send the request again in a moment.',
  });
}
