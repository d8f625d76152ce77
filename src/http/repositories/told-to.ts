import type { FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import type { RepositoryOptions } from '../repository-options.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';

/** Whether the client shows that it may upload to a repository. */
export function mayUpload(request: FastifyRequest, repository: RepositoryName): boolean {
  const { rights, isProven } = request.identifyFor('upload');
  return isProven && rights.may('upload', repository);
}

/** Words of the server's tools may hold its paths: they are for clients that may change the repository. */
export function toldTo(
  request: FastifyRequest,
  repositories: readonly RepositoryName[],
  error: unknown,
): unknown {
  const isFault = error instanceof AppError && error.statusCode >= 500;
  if (!isFault || repositories.every((repository) => mayUpload(request, repository))) return error;
  return withoutDetail(error);
}

/** The error without the parts for clients that may upload. */
export function withoutDetail({ code, cause }: AppError): AppError {
  return new AppError(code, 'the last index run failed', {
    hint: 'The log of the service has the cause, and so has this answer for a client that may upload there.',
    cause,
  });
}

/** Ends the quiet time where the client may upload: a client that may only read waits, and changes nothing. */
export function endQuietTimeFor(
  request: FastifyRequest,
  repositories: readonly RepositoryName[],
  { endQuietTime }: Pick<RepositoryOptions, 'endQuietTime'>,
): void {
  endQuietTime(repositories.filter((repository) => mayUpload(request, repository)));
}
